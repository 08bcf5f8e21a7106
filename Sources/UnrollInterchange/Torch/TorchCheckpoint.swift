import UnrollModel

/// What a checkpoint of PyTorch holds that a model can be made of.
///
/// A checkpoint is any arrangement of dictionaries and lists: a network's `state_dict` alone, or one beside the optimizer's
/// state, counters and the tokens.
struct TorchCheckpoint {
    /// A dictionary of tensors by their names.
    struct StateDictionary {
        /// The keys that lead to it, joined by points; empty for the outermost one.
        let path: String
        let tensors: [(name: String, tensor: TorchTensor)]
    }

    private(set) var dictionaries: [StateDictionary] = []
    /// Lists of tokens in the order of their ids.
    private(set) var vocabularies: [[String]] = []

    /// Containers deeper than this hold no network that a person has saved.
    private static let maximumDepth = 8

    /// Looks through everything that the pickle holds, each container once.
    init(_ pickle: Pickle) {
        var pending: [(value: PickledValue, path: [String])] = [(pickle.root, [])]
        var seenSequences: Set<Int> = []
        var seenDictionaries: Set<Int> = []
        while let (value, path) = pending.popLast() {
            switch value {
            case .list(let index), .tuple(let index):
                guard seenSequences.insert(index).inserted else { continue }
                let elements = pickle.sequences[index]
                let strings = elements.compactMap(\.string)
                if !strings.isEmpty, strings.count == elements.count { vocabularies.append(strings) }
                guard path.count < Self.maximumDepth else { continue }
                pending += elements.enumerated().filter { $1.isContainer }.map { ($1, path + ["\($0)"]) }
            case .dictionary(let index):
                guard seenDictionaries.insert(index).inserted else { continue }
                let members = pickle.dictionaries[index]
                if let tokens = Self.tokens(members) { vocabularies.append(tokens) }
                let named = members.compactMap { member in
                    member.key.string.map { (name: $0, value: member.value) }
                }
                note(named, at: path, in: pickle)
                guard path.count < Self.maximumDepth else { continue }
                pending += named.filter(\.value.isContainer).map { ($0.value, path + [$0.name]) }
            default: continue
            }
        }
    }

    /// Notes the tensors of a dictionary, the last one of each name.
    private mutating func note(
        _ members: [(name: String, value: PickledValue)], at path: [String], in pickle: Pickle
    ) {
        var tensors: [String: TorchTensor] = [:]
        for (name, value) in members {
            if case .tensor(let index) = value { tensors[name] = pickle.tensors[index] }
        }
        guard !tensors.isEmpty else { return }
        dictionaries.append(
            StateDictionary(
                path: path.joined(separator: "."),
                tensors: tensors.sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }))
    }

    /// The tokens of a dictionary from tokens to their ids, or from ids to tokens; nil for any other.
    private static func tokens(_ members: [(key: PickledValue, value: PickledValue)]) -> [String]? {
        let pairs = members.compactMap { member -> (token: String, id: Int)? in
            switch (member.key, member.value) {
            case (.string(let token), .integer(let id)), (.integer(let id), .string(let token)): (token, id)
            default: nil
            }
        }
        guard pairs.count == members.count else { return nil }
        return TokenNumbering.tokens(byID: pairs)
    }
}
