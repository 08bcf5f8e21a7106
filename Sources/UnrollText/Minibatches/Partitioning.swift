import UnrollBase

/// How a text is cut into minibatches ("Dive into Deep Learning" 8.3 and, for windows, 9.3 of edition 1.0).
public enum Partitioning: String, CaseIterable, Codable, Sendable {
    /// `B` strands of text side by side; the state goes on from one minibatch to the next.
    case sequential
    /// As `sequential`, but always from the first token: every epoch has the same minibatches.
    case consecutive
    /// Subsequences that do not overlap, in random order.
    case random
    /// All overlapping windows of `T` tokens and the one to predict, in random order.
    case windows

    /// Cuts a text into the minibatches of one epoch, which depend on the arguments alone.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - batchSize: Sequences side by side, `B`.
    ///   - sequenceLength: Tokens in a sequence, `T`.
    ///   - seed: The seed of the run.
    ///   - epoch: Which pass through the text this is.
    ///   - windowCount: How many windows of the beginning to train on, for `windows`; nil is all.
    /// - Returns: The minibatches, made when they are asked for.
    /// - Throws: `TextError` when a size is not positive or the text is too short for one minibatch.
    public func minibatches(
        of tokens: TokenIDs, batchSize: Int, sequenceLength: Int, seed: UInt64, epoch: Int,
        windowCount: Int? = nil
    ) throws(TextError) -> any MinibatchSource {
        let shape = MinibatchShape(batchSize: batchSize, sequenceLength: sequenceLength)
        let random = RandomSource(
            seed: seed, purpose: .partitioning, index: UInt32(truncatingIfNeeded: epoch))
        return switch self {
        case .sequential: try SequentialMinibatches(of: tokens, shape: shape, random: random)
        case .consecutive: try SequentialMinibatches(of: tokens, shape: shape, random: nil)
        case .random: try RandomMinibatches(of: tokens, shape: shape, random: random)
        case .windows:
            try WindowMinibatches(of: tokens, shape: shape, first: 0, count: windowCount, random: random)
        }
    }
}

extension TokenIDs {
    /// The windows after those that train, in order, to validate on ("Dive into Deep Learning" 1.0, 9.5).
    ///
    /// Windows overlap, so the first of them share tokens with the last that train: as the book does.
    ///
    /// - Parameters:
    ///   - batchSize: Windows side by side, `B`.
    ///   - sequenceLength: Tokens in a window that go in, `T`.
    ///   - trainingWindows: How many windows train.
    ///   - windowCount: How many windows validate; nil is all that are left.
    /// - Returns: The minibatches, made when they are asked for.
    /// - Throws: `TextError` when a size is not positive or the text has not so many windows.
    public func validationWindows(
        batchSize: Int, sequenceLength: Int, after trainingWindows: Int, windowCount: Int? = nil
    ) throws(TextError) -> any MinibatchSource {
        try WindowMinibatches(
            of: self, shape: MinibatchShape(batchSize: batchSize, sequenceLength: sequenceLength),
            first: trainingWindows,
            count: windowCount, random: nil)
    }

    /// All of the text as one strand (`B` = 1) with the state carried on: every token but the first is predicted once.
    ///
    /// The last minibatch has fewer steps when `sequenceLength` does not divide the text.
    public func strand(sequenceLength: Int) throws(TextError) -> any MinibatchSource {
        try StrandMinibatches(of: self, sequenceLength: sequenceLength)
    }
}
