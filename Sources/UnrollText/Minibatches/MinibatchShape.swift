/// The size of minibatches that somebody has asked for, which may be absurd.
struct MinibatchShape {
    /// Far beyond what a machine trains on, and far below what an `Int32` counts.
    static let maximumTokens = 1 << 28

    /// Sequences side by side, `B`.
    let batchSize: Int
    /// Tokens in a sequence, `T`.
    let timeSteps: Int

    /// Checks that both sizes are positive.
    func check() throws(TextError) {
        guard batchSize >= 1 else { throw .invalidBatchSize(batchSize) }
        guard timeSteps >= 1 else { throw .invalidTimeSteps(timeSteps) }
    }

    /// Checks that there are `B` · `T` tokens and some `extra` ones.
    func check(_ tokens: TokenIDs, extra: Int) throws(TextError) {
        try check()
        let (product, overflow) = batchSize.multipliedReportingOverflow(by: timeSteps)
        let (sum, sumOverflow) = product.addingReportingOverflow(extra)
        let needed = overflow || sumOverflow ? Int.max : sum
        guard tokens.count >= needed else {
            throw .textTooShort(
                tokens: tokens.count, needed: needed, batchSize: batchSize, timeSteps: timeSteps)
        }
        try checkSize(batchSize: batchSize)
    }

    /// Checks that `B` sequences fit into a machine.
    func checkSize(batchSize: Int) throws(TextError) {
        guard batchSize <= Self.maximumTokens / timeSteps else {
            throw .minibatchTooLarge(batchSize: batchSize, timeSteps: timeSteps)
        }
    }
}
