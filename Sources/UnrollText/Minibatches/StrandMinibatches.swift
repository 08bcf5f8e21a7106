import UnrollBase

/// Reads a text from its beginning to its end, `T` tokens at a time and the rest at last.
struct StrandMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let sequenceLength: Int

    init(of tokens: TokenIDs, sequenceLength: Int) throws(TextError) {
        try MinibatchShape(batchSize: 1, sequenceLength: sequenceLength).check()
        guard tokens.count >= 2 else {
            throw .textTooShort(tokens: tokens.count, needed: 2, batchSize: 1, sequenceLength: sequenceLength)
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
