import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// A safetensors file: the states of the cell as `[L, 1, H]` each and the logits `[V]`, and what else there is in the
/// metadata.
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

    /// More than anybody reads, and room to count on.
    private static let greatestTokenCount = Int.max / 2
    private static let format = "unroll-generation-state-1"

    /// Saves the state to a file, at once or not at all.
    ///
    /// - Parameters:
    ///   - url: The file; one that is there is replaced.
    ///   - model: The model that has read the text.
    /// - Throws: `GenerationError` if the state is another model's, `FileError` if the file cannot be written.
    public func save(to url: URL, for model: LanguageModel) throws {
        try check(for: model)
        var tensors = recurrentState.tensors
        tensors.entries.append(.init(name: Key.logits, shape: [logits.count], values: logits))
        let data = try TensorFile.encode(
            tensors,
            metadata: [
                Key.format: Self.format, Key.model: try model.fingerprint, Key.tokenCount: "\(tokenCount)",
                Key.recentTokens: Self.list(tokens), Key.pendingBytes: Self.list(decoder.pending),
                Key.needsSpace: "\(decoder.needsSpace)",
            ])
        try AtomicFile.write(data, to: url)
    }

    /// Reads a state from the file that it was saved to.
    ///
    /// - Parameters:
    ///   - url: The file.
    ///   - model: The model that has read the text.
    /// - Throws: `GenerationError` if the file is missing or damaged, or the state is another model's; `FileError`
    ///   if the file cannot be read.
    public init(contentsOf url: URL, for model: LanguageModel) throws {
        let (tensors, metadata) = try Self.tensors(in: url)
        guard metadata[Key.format] == Self.format else {
            throw GenerationError.unusableState(
                path: url.path, reason: "not a state of generation that this version of Unroll has saved")
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
                path: url.path, reason: "something is missing that belongs to a state of generation")
        }
        self.init(zerosFor: model.configuration)
        self.tokenCount = tokenCount
        self.recurrentState = recurrentState
        self.logits = logits
        self.tokens = tokens
        decoder = TextDecoder.State(pending: pending, needsSpace: needsSpace)
    }

    private static func tensors(in url: URL) throws -> (ModelParameters, [String: String]) {
        guard let data = try FileSystem.contents(of: url) else {
            throw GenerationError.unusableState(path: url.path, reason: "no such file")
        }
        do {
            return try TensorFile.decode(data, path: url.path)
        } catch FileError.invalid(_, let reason) {
            throw GenerationError.unusableState(path: url.path, reason: reason)
        }
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
