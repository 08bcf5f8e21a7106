import UnrollBase

/// Cuts a text into subsequences of `T` tokens that do not overlap, and puts them into random order.
///
/// The text begins at a random offset below `T`; what does not fill a last minibatch is left out.
struct RandomMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let shape: MinibatchShape
    private let offset: Int
    /// The subsequences in the order of the epoch.
    private let order: SampleOrder

    init(of tokens: TokenIDs, shape: MinibatchShape, random: RandomSource) throws(TextError) {
        // The largest offset skips T - 1 tokens, and the last target is one behind the last input.
        try shape.check(tokens, extra: shape.sequenceLength)
        var random = random
        self.tokens = tokens
        self.shape = shape
        offset = random.integer(below: shape.sequenceLength)
        order = SampleOrder(of: (tokens.count - offset - 1) / shape.sequenceLength, random: &random)
        count = order.count / shape.batchSize
    }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        minibatch.reshape(
            sequenceLength: shape.sequenceLength, batchSize: shape.batchSize, continuesState: false)
        for b in 0..<shape.batchSize {
            let subsequence = order[index * shape.batchSize + b]
            minibatch.setColumn(b, from: tokens, at: offset + subsequence * shape.sequenceLength)
        }
    }
}
