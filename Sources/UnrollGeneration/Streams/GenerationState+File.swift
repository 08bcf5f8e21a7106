import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// Version 1 of the format: a safetensors file with the states of the cell as `[L, 1, H]` each and the logits `[V]`;
/// everything else is in the metadata. After a text that ends within a word, there are states and logits before that word
/// as well, and of subwords, of which there may be several in it, the last tokens before it.
extension GenerationState {
    private enum Key {
        static let format = "format"
        static let model = "model.sha256"
        static let tokenCount = "tokens"
        static let recentTokens = "recentTokens"
        static let pendingBytes = "pendingBytes"
        static let needsSpace = "needsSpace"
        static let isAfterSpace = "isAfterSpace"
        static let openWord = "openWord"
        static let logits = "logits"
        static let seal = "seal"
        static let beforeOpenWord = "beforeOpenWord."
        static let tokensBeforeOpenWord = "beforeOpenWord.recentTokens"
    }

    /// Far more than any text has, with room to count on.
    private static let greatestTokenCount = Int.max / 2
    private static let format = "unroll-generation-state-1"

    /// The state as data, to keep or send.
    ///
    /// - Parameter model: The model that has read the text.
    /// - Returns: What ``init(data:for:)`` reads, on any machine.
    /// - Throws: `GenerationError.stateOfAnotherModel`, `ModelError` if the model cannot be described.
    public func data(for model: LanguageModel) throws -> Data {
        try check(for: model)
        var entries = Self.tensors(recurrentState, logits)
        var metadata = [
            Key.format: Self.format, Key.model: try model.fingerprint, Key.tokenCount: "\(tokenCount)",
            Key.recentTokens: Self.list(tokens), Key.pendingBytes: Self.list(decoder.pending),
            Key.needsSpace: "\(decoder.needsSpace)",
        ]
        if let joint {
            metadata[Key.isAfterSpace] = "\(joint.isAfterSpace)"
            metadata[Key.openWord] = String(decoding: joint.openWord, as: UTF8.self)
        }
        if let before = beforeOpenWord {
            entries += Self.tensors(
                before.prediction.recurrentState, before.prediction.logits, prefix: Key.beforeOpenWord)
            if model.vocabulary.kind == .subwords {
                metadata[Key.tokensBeforeOpenWord] = Self.list(before.tokens)
            }
        }
        metadata[Key.seal] = Self.seal(metadata)
        return try TensorFile.encode(NamedTensors(entries), metadata: metadata)
    }

    /// The checksum of the metadata; the tensors have one of their own.
    private static func seal(_ metadata: [String: String]) -> String {
        var sealed = [
            Key.model, Key.tokenCount, Key.recentTokens, Key.pendingBytes, Key.needsSpace, Key.isAfterSpace,
            Key.openWord,
        ]
        if metadata[Key.tokensBeforeOpenWord] != nil { sealed.append(Key.tokensBeforeOpenWord) }
        return Checksum.sha256(Data(sealed.map { metadata[$0] ?? "" }.joined(separator: "\n").utf8))
    }

    /// Saves the state to a file, in one step or not at all.
    ///
    /// - Parameters:
    ///   - url: The file; an existing one is replaced.
    ///   - model: The model that has read the text.
    /// - Throws: What ``data(for:)`` throws, `FileError` if the file cannot be written.
    public func save(to url: URL, for model: LanguageModel) throws {
        try AtomicFile.write(data(for: model), to: url)
    }

    /// Reads a state from the data that it was saved to.
    ///
    /// - Parameters:
    ///   - data: The result of ``data(for:)``.
    ///   - model: The model that has read the text.
    /// - Throws: `GenerationError.unusableState` if the data is damaged, `GenerationError.stateOfAnotherModel`.
    public init(data: Data, for model: LanguageModel) throws {
        try self.init(data, path: nil, for: model)
    }

    /// Reads a state from the file that it was saved to.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - model: The model that has read the text.
    /// - Throws: `GenerationError.unusableState` if the file is missing or damaged,
    ///   `GenerationError.stateOfAnotherModel`, `FileError` if the file cannot be read.
    public init(contentsOf url: URL, for model: LanguageModel) throws {
        guard let data = try FileSystem.contents(of: url) else {
            throw GenerationError.unusableState(path: url.path, reason: "no such file")
        }
        try self.init(data, path: url.path, for: model)
    }

    private init(_ data: Data, path: String?, for model: LanguageModel) throws {
        let (tensors, metadata): (ModelParameters, [String: String])
        do {
            (tensors, metadata) = try TensorFile.decode(data, path: path ?? "")
        } catch FileError.invalid(_, let reason) {
            throw GenerationError.unusableState(path: path, reason: reason)
        }
        guard metadata[Key.format] == Self.format else {
            throw GenerationError.unusableState(
                path: path, reason: "not a generation state that this version of Unroll has saved")
        }
        // States of early versions have no seal.
        guard metadata[Key.seal].map({ $0 == Self.seal(metadata) }) ?? true else {
            throw GenerationError.unusableState(path: path, reason: "its metadata has been changed")
        }
        guard metadata[Key.model] == (try model.fingerprint) else {
            throw GenerationError.stateOfAnotherModel
        }
        guard let tokenCount = metadata[Key.tokenCount].flatMap({ Int($0) }),
            (1...Self.greatestTokenCount).contains(tokenCount),
            let tokens = Self.tokens(metadata[Key.recentTokens], of: model),
            let pending: [UInt8] = Self.numbers(metadata[Key.pendingBytes]), pending.count < 4,
            let needsSpace = metadata[Key.needsSpace].flatMap({ Bool($0) }),
            let prediction = Self.prediction(in: tensors, after: tokens, of: model),
            !prediction.logits.isEmpty,
            let (joint, before) = Self.end(metadata, tensors, of: model, tokenCount, tokens)
        else {
            throw GenerationError.unusableState(
                path: path, reason: "a part of the state is missing or damaged")
        }
        self.init(zerosFor: model.configuration)
        self.tokenCount = tokenCount
        recurrentState = prediction.recurrentState
        logits = prediction.logits
        self.tokens = tokens
        decoder = TextDecoder.State(pending: pending, needsSpace: needsSpace)
        self.joint = joint
        beforeOpenWord = before
    }

    /// What the next piece follows, and the network before the word at the end; nil when a part is damaged.
    ///
    /// Both are missing after a generated token, and in files from before there were pieces.
    private static func end(
        _ metadata: [String: String], _ tensors: ModelParameters, of model: LanguageModel,
        _ tokenCount: Int, _ tokens: [Int32]
    ) -> (TextJoint?, Earlier?)? {
        guard let isAfterSpace = metadata[Key.isAfterSpace], let openWord = metadata[Key.openWord] else {
            return (nil, nil)
        }
        guard let isAfterSpace = Bool(isAfterSpace) else { return nil }
        var joint = TextJoint()
        joint.isAfterSpace = isAfterSpace
        joint.openWord = Array(openWord.utf8)
        if openWord.isEmpty { return (joint, nil) }
        guard model.vocabulary.kind.isOpenEnded else { return nil }
        let isWord = model.vocabulary.kind == .words
        let openCount = isWord ? 1 : model.vocabulary.tokens(ofOpenEnd: joint).count
        let earlier =
            isWord ? tokens.dropLast() : self.tokens(metadata[Key.tokensBeforeOpenWord], of: model)
        guard let earlier, !tokens.isEmpty, openCount <= tokenCount,
            let before = prediction(in: tensors, prefix: Key.beforeOpenWord, after: earlier, of: model)
        else { return nil }
        return (joint, Earlier(prediction: before, tokenCount: tokenCount - openCount, tokens: earlier))
    }

    /// The last tokens of a text; nil when there are too many or others than the model's.
    private static func tokens(_ list: String?, of model: LanguageModel) -> [Int32]? {
        guard let tokens: [Int32] = numbers(list), tokens.count <= 2 * recentTokenLimit,
            tokens.allSatisfy({ $0 >= 0 && $0 < model.vocabulary.count })
        else { return nil }
        return tokens
    }

    private static func tensors(
        _ state: RecurrentState, _ logits: [Float], prefix: String = ""
    ) -> [ModelParameters.Entry] {
        var entries = state.tensors.entries
        if !logits.isEmpty {
            entries.append(.init(name: Key.logits, shape: [logits.count], values: logits))
        }
        for index in entries.indices { entries[index].name = prefix + entries[index].name }
        return entries
    }

    /// The tensors whose names begin with a prefix, and the last tokens; nil when a tensor is missing or does not fit the
    /// model.
    private static func prediction(
        in tensors: ModelParameters, prefix: String = "", after tokens: [Int32], of model: LanguageModel
    ) -> Prediction? {
        let names = model.configuration.cell.states
        let states = names.compactMap { name in
            tensors[prefix + name].map {
                ModelParameters.Entry(name: name, shape: $0.shape, values: $0.values)
            }
        }
        let logits = tensors[prefix + Key.logits]?.values ?? []
        guard states.count == names.count, logits.isEmpty || logits.count == model.vocabulary.count,
            var state = try? RecurrentState(NamedTensors(states), for: model.configuration),
            state.batchSize == 1
        else { return nil }
        state.setHistory(tokens)
        return Prediction(recurrentState: state, logits: logits)
    }

    private static func list(_ numbers: [some BinaryInteger]) -> String {
        numbers.map { "\($0)" }.joined(separator: ",")
    }

    private static func numbers<Number: FixedWidthInteger>(_ list: String?) -> [Number]? {
        guard let parts = list?.split(separator: ",") else { return nil }
        let numbers = parts.compactMap { Number($0) }
        return numbers.count == parts.count ? numbers : nil
    }
}
