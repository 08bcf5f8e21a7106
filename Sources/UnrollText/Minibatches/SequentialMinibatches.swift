import UnrollBase

/// Cuts a text into `B` strands that are read side by side, `T` tokens at a time.
///
/// The text begins at a random offset in `0...T`, or at its first token without a random source. Tokens that do not fill
/// a last minibatch are left out.
struct SequentialMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let shape: MinibatchShape
    private let offset: Int
    private let strandLength: Int

    init(cutting tokens: TokenIDs, shape: MinibatchShape, random: RandomSource?) throws {
        // The largest offset skips T tokens, and the last target is one after the last input.
        let (extra, overflow) = (random == nil ? 0 : shape.sequenceLength).addingReportingOverflow(1)
        try shape.check(tokens, extra: overflow ? Int.max : extra)
        var random = random
        self.tokens = tokens
        self.shape = shape
        offset = random?.integer(below: shape.sequenceLength + 1) ?? 0
        strandLength = (tokens.count - offset - 1) / shape.batchSize
        count = strandLength / shape.sequenceLength
    }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        fill(&minibatch, at: index, rows: 0..<shape.batchSize)
    }

    func fill(_ minibatch: inout Minibatch, at index: Int, rows: Range<Int>) {
        minibatch.reshape(
            sequenceLength: shape.sequenceLength, rows: rows.clamped(to: 0..<shape.batchSize),
            of: shape.batchSize, continuesState: index > 0)
        minibatch.setColumns(from: tokens) { row in
            offset + row * strandLength + index * shape.sequenceLength
        }
    }
}

/// Reads a text from its beginning to its end, `T` tokens at a time and the rest at the end.
struct StrandMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let sequenceLength: Int

    init(cutting tokens: TokenIDs, sequenceLength: Int) throws {
        try MinibatchShape(batchSize: 1, sequenceLength: sequenceLength).check()
        guard tokens.count >= 2 else {
            throw TextError.textTooShort(
                tokens: tokens.count, needed: 2, batchSize: 1, sequenceLength: sequenceLength)
        }
        self.tokens = tokens
        let steps = min(sequenceLength, tokens.count - 1)
        try MinibatchShape(batchSize: 1, sequenceLength: steps).checkSize(batchSize: 1)
        self.sequenceLength = steps
        count = (tokens.count - 2) / steps + 1
    }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        let start = index * sequenceLength
        minibatch.reshape(
            sequenceLength: min(sequenceLength, tokens.count - 1 - start), batchSize: 1,
            continuesState: index > 0)
        minibatch.setColumn(0, from: tokens, at: start)
    }
}
