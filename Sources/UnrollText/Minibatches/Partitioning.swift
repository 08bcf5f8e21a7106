import UnrollBase

/// The way in which a text is cut into minibatches ("Dive into Deep Learning" 8.3 and, for windows, 9.3 of edition 1.0).
public enum Partitioning: String, CaseIterable, Codable, Sendable {
    /// `B` strands of text side by side, with the state carried on from one minibatch to the next.
    case sequential
    /// As `sequential`, but always from the first token: every epoch has the same minibatches.
    case consecutive
    /// Subsequences that do not overlap, in random order.
    case random
    /// All overlapping windows of `T` tokens and the one to predict after them, in random order.
    case windows

    /// Cuts a text into the minibatches of one epoch, which depend on the arguments alone.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - batchSize: The number of sequences side by side, `B`; at least 1.
    ///   - sequenceLength: The number of tokens in a sequence, `T`; at least 1.
    ///   - seed: The seed of the run.
    ///   - epoch: The number of the pass through the text, from 0.
    ///   - windowCount: For `windows`, the number of windows at the beginning of the text to train on; at least 1.
    ///     Default: all.
    /// - Returns: The minibatches, each made when it is asked for.
    /// - Throws: `ParameterError` when a size is not positive, `TextError.textTooShort` when the text is too short for
    ///   one minibatch, `TextError.minibatchTooLarge`.
    public func minibatches(
        of tokens: TokenIDs, batchSize: Int, sequenceLength: Int, seed: UInt64, epoch: Int,
        windowCount: Int? = nil
    ) throws -> any MinibatchSource {
        let shape = MinibatchShape(batchSize: batchSize, sequenceLength: sequenceLength)
        let random = RandomSource(
            seed: seed, purpose: .partitioning, index: UInt32(truncatingIfNeeded: epoch))
        return switch self {
        case .sequential: try SequentialMinibatches(cutting: tokens, shape: shape, random: random)
        case .consecutive: try SequentialMinibatches(cutting: tokens, shape: shape, random: nil)
        case .random: try RandomMinibatches(cutting: tokens, shape: shape, random: random)
        case .windows:
            try WindowMinibatches(cutting: tokens, shape: shape, first: 0, count: windowCount, random: random)
        }
    }
}

extension TokenIDs {
    /// The windows after those that train, in order, to validate on ("Dive into Deep Learning" 1.0, 9.5).
    ///
    /// Windows overlap, so the first of them share tokens with the last that train, as in the book.
    ///
    /// - Parameters:
    ///   - batchSize: The number of windows side by side, `B`; at least 1.
    ///   - sequenceLength: The number of tokens in a window that go in, `T`; at least 1.
    ///   - trainingWindows: The number of windows that train; at least 0.
    ///   - windowCount: The number of windows that validate; at least 1. Default: all that are left.
    /// - Returns: The minibatches, each made when it is asked for.
    /// - Throws: `ParameterError` when a size is out of range, `TextError.textTooShort` when the text has fewer windows,
    ///   `TextError.minibatchTooLarge`.
    public func validationWindows(
        batchSize: Int, sequenceLength: Int, after trainingWindows: Int, windowCount: Int? = nil
    ) throws -> any MinibatchSource {
        try ParameterError.require(
            trainingWindows >= 0, "trainingWindows", is: trainingWindows, but: "at least 0")
        return try WindowMinibatches(
            cutting: self, shape: MinibatchShape(batchSize: batchSize, sequenceLength: sequenceLength),
            first: trainingWindows, count: windowCount, random: nil)
    }

    /// The windows of ``validationWindows(batchSize:sequenceLength:after:windowCount:)`` in parts that can be judged apart,
    /// each of whole minibatches; `partCount` of them or, where there are fewer, as many as minibatches.
    package func validationWindows(
        batchSize: Int, sequenceLength: Int, after trainingWindows: Int, windowCount: Int, partCount: Int
    ) throws -> [any MinibatchSource] {
        let whole = try validationWindows(
            batchSize: batchSize, sequenceLength: sequenceLength, after: trainingWindows,
            windowCount: windowCount)
        let partCount = Swift.max(1, Swift.min(partCount, whole.count))
        return try (0..<partCount).map { index in
            let first = whole.count * index / partCount * batchSize
            let end = Swift.min(whole.count * (index + 1) / partCount * batchSize, windowCount)
            return try validationWindows(
                batchSize: batchSize, sequenceLength: sequenceLength, after: trainingWindows + first,
                windowCount: end - first)
        }
    }

    /// All of the text as one strand (`B` = 1) with the state carried on: every token but the first is predicted once.
    ///
    /// The last minibatch has fewer steps when `sequenceLength` does not divide the text.
    ///
    /// - Parameter sequenceLength: The number of steps in a minibatch, `T`; at least 1.
    /// - Returns: The minibatches, each made when it is asked for.
    /// - Throws: `ParameterError` when the length is not positive, `TextError.textTooShort` when the text has no token to
    ///   predict, `TextError.minibatchTooLarge`.
    public func strand(sequenceLength: Int) throws -> any MinibatchSource {
        try StrandMinibatches(cutting: self, sequenceLength: sequenceLength)
    }

    /// All of the text for judging a model: of every token but the first, one prediction counts.
    ///
    /// A text of 2,048 tokens or more is read as up to 32 strands side by side, of which each first reads the 256 tokens
    /// before its own. That is faster than one strand, and what the model predicts hardly differs.
    ///
    /// - Parameter tokenCount: Tokens of a minibatch at most; at least 1.
    /// - Returns: The minibatches, each made when it is asked for.
    /// - Throws: `ParameterError` when the count is not positive, `TextError.textTooShort` when the text has no token to
    ///   predict.
    package func evaluationStrands(tokenCount: Int) throws -> any MinibatchSource {
        try WarmStrandMinibatches(cutting: self, tokenCount: tokenCount)
    }

    /// The same in parts of the text that can be judged apart, of which each reads the tokens before its own first.
    ///
    /// - Parameters:
    ///   - partCount: The number of parts, at least 1; there are fewer of a text with less than 8,192 predictions for each.
    ///   - tokenCount: Tokens of a minibatch at most; at least 1.
    /// - Returns: The minibatches of each part.
    /// - Throws: As ``evaluationStrands(tokenCount:)``.
    package func evaluationStrands(partCount: Int, tokenCount: Int) throws -> [any MinibatchSource] {
        let predictions = count - 1
        let partCount = Swift.max(1, Swift.min(partCount, predictions / WarmStrandMinibatches.partLength))
        guard partCount > 1 else { return [try evaluationStrands(tokenCount: tokenCount)] }
        return try (0..<partCount).map { index in
            let start = predictions * index / partCount
            let end = predictions * (index + 1) / partCount
            let past = index == 0 ? 0 : WarmStrandMinibatches.warmUp
            return try WarmStrandMinibatches(
                cutting: part(start - past..<end + 1), tokenCount: tokenCount, hasPast: index > 0)
        }
    }
}

/// The size of minibatches as it was asked for, which may be absurd.
struct MinibatchShape {
    /// The largest number of tokens in a minibatch: far beyond what a machine trains on, and far below `Int32.max`.
    static let maximumTokens = 1 << 28

    /// The number of sequences side by side, `B`.
    let batchSize: Int
    /// The number of tokens in a sequence, `T`.
    let sequenceLength: Int

    /// Checks that both sizes are positive.
    func check() throws(ParameterError) {
        try ParameterError.require(batchSize >= 1, "batchSize", is: batchSize, but: "at least 1")
        try ParameterError.require(
            sequenceLength >= 1, "sequenceLength", is: sequenceLength, but: "at least 1")
    }

    /// Checks that there are `B` * `T` tokens and `extra` more.
    func check(_ tokens: TokenIDs, extra: Int) throws {
        try check()
        let (product, overflow) = batchSize.multipliedReportingOverflow(by: sequenceLength)
        let (sum, sumOverflow) = product.addingReportingOverflow(extra)
        let needed = overflow || sumOverflow ? Int.max : sum
        guard tokens.count >= needed else {
            throw TextError.textTooShort(
                tokens: tokens.count, needed: needed, batchSize: batchSize, sequenceLength: sequenceLength)
        }
        try checkSize(batchSize: batchSize)
    }

    /// Checks that a machine can be asked for that many sequences.
    func checkSize(batchSize: Int) throws(TextError) {
        guard batchSize <= Self.maximumTokens / sequenceLength else {
            throw .minibatchTooLarge(batchSize: batchSize, sequenceLength: sequenceLength)
        }
    }
}
