/// The size of minibatches that somebody has asked for, which may be absurd.
struct MinibatchShape {
    /// Far beyond what a machine trains on, and far below what an `Int32` counts.
    static let maximumTokens = 1 << 28

    /// Sequences side by side, `B`.
    let batchSize: Int
    /// Tokens in a sequence, `T`.
    let sequenceLength: Int

    /// Checks that both sizes are positive.
    func check() throws(TextError) {
        guard batchSize >= 1 else { throw .invalidBatchSize(batchSize) }
        guard sequenceLength >= 1 else { throw .invalidSequenceLength(sequenceLength) }
    }

    /// Checks that there are `B` · `T` tokens and some `extra` ones.
    func check(_ tokens: TokenIDs, extra: Int) throws(TextError) {
        try check()
        let (product, overflow) = batchSize.multipliedReportingOverflow(by: sequenceLength)
        let (sum, sumOverflow) = product.addingReportingOverflow(extra)
        let needed = overflow || sumOverflow ? Int.max : sum
        guard tokens.count >= needed else {
            throw .textTooShort(
                tokens: tokens.count, needed: needed, batchSize: batchSize, sequenceLength: sequenceLength)
        }
        try checkSize(batchSize: batchSize)
    }

    /// Checks that `B` sequences fit into a machine.
    func checkSize(batchSize: Int) throws(TextError) {
        guard batchSize <= Self.maximumTokens / sequenceLength else {
            throw .minibatchTooLarge(batchSize: batchSize, sequenceLength: sequenceLength)
        }
    }
}
