import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// Version 1 of the format: a safetensors file with the states of the cell as `[L, 1, H]` each and the logits `[V]`;
/// everything else is in the metadata.
extension GenerationState {
    private enum Key {
        static let format = "format"
        static let model = "model.sha256"
        static let tokenCount = "tokens"
        static let recentTokens = "recentTokens"
        static let pendingBytes = "pendingBytes"
        static let needsSpace = "needsSpace"
        static let logits = "logits"
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
        var tensors = recurrentState.tensors
        tensors.entries.append(.init(name: Key.logits, shape: [logits.count], values: logits))
        return try TensorFile.encode(
            tensors,
            metadata: [
                Key.format: Self.format, Key.model: try model.fingerprint, Key.tokenCount: "\(tokenCount)",
                Key.recentTokens: Self.list(tokens), Key.pendingBytes: Self.list(decoder.pending),
                Key.needsSpace: "\(decoder.needsSpace)",
            ])
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
        guard metadata[Key.model] == (try model.fingerprint) else {
            throw GenerationError.stateOfAnotherModel
        }
        guard let tokenCount = metadata[Key.tokenCount].flatMap({ Int($0) }),
            (1...Self.greatestTokenCount).contains(tokenCount),
            let tokens: [Int32] = Self.numbers(metadata[Key.recentTokens]),
            tokens.count <= 2 * Self.recentTokenLimit,
            tokens.allSatisfy({ $0 >= 0 && $0 < model.vocabulary.count }),
            let pending: [UInt8] = Self.numbers(metadata[Key.pendingBytes]), pending.count < 4,
            let needsSpace = metadata[Key.needsSpace].flatMap({ Bool($0) }),
            let logits = tensors[Key.logits]?.values, logits.count == model.vocabulary.count,
            let recurrentState = try? RecurrentState(tensors, for: model.configuration),
            recurrentState.batchSize == 1
        else {
            throw GenerationError.unusableState(
                path: path, reason: "a part of the state is missing or damaged")
        }
        self.init(zerosFor: model.configuration)
        self.tokenCount = tokenCount
        self.recurrentState = recurrentState
        self.logits = logits
        self.tokens = tokens
        decoder = TextDecoder.State(pending: pending, needsSpace: needsSpace)
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
