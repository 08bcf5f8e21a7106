import UnrollBase

/// Cuts a text into `B` strands that are read side by side, `T` tokens at a time.
///
/// The text begins at a random offset from 0 to `T`, or without a random source at its first token; what does not fill
/// a last minibatch is left out.
struct SequentialMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let shape: MinibatchShape
    private let offset: Int
    private let strandLength: Int

    init(of tokens: TokenIDs, shape: MinibatchShape, random: RandomSource?) throws(TextError) {
        // The largest offset skips T tokens, and the last target is one behind the last input.
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
        minibatch.reshape(
            sequenceLength: shape.sequenceLength, batchSize: shape.batchSize, continuesState: index > 0)
        for b in 0..<shape.batchSize {
            minibatch.setColumn(b, from: tokens, at: offset + b * strandLength + index * shape.sequenceLength)
        }
    }
}
