import UnrollBase

/// Takes every window of `T` + 1 tokens, each one token after the last: to train in random order, to validate in order.
///
/// The last minibatch has fewer windows when `B` does not divide their number.
struct WindowMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let shape: MinibatchShape
    /// The position of the first window, and how many there are.
    private let windows: Range<Int>
    /// The windows in the order of the epoch, counted from the first; nil is their order in the text.
    private let order: SampleOrder?

    init(
        of tokens: TokenIDs, shape: MinibatchShape, first: Int, count requested: Int?, random: RandomSource?
    ) throws(TextError) {
        try shape.check()
        let available = tokens.count - shape.sequenceLength
        guard first >= 0, requested ?? 1 >= 1 else {
            throw .invalidWindowCount(min(first, requested ?? first))
        }
        let (end, overflow) = first.addingReportingOverflow(requested ?? 1)
        guard !overflow, end <= available else {
            let (needed, overflows) = shape.sequenceLength.addingReportingOverflow(overflow ? Int.max : end)
            throw .textTooShort(
                tokens: tokens.count, needed: overflows ? Int.max : needed, batchSize: shape.batchSize,
                sequenceLength: shape.sequenceLength)
        }
        windows = first..<(requested == nil ? available : end)
        try shape.checkSize(batchSize: min(shape.batchSize, windows.count))
        if var random {
            order = SampleOrder(of: windows.count, random: &random)
        } else {
            order = nil
        }
        count = (windows.count - 1) / shape.batchSize + 1
        self.tokens = tokens
        self.shape = shape
    }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        let start = index * shape.batchSize
        let batchSize = min(shape.batchSize, windows.count - start)
        minibatch.reshape(sequenceLength: shape.sequenceLength, batchSize: batchSize, continuesState: false)
        for b in 0..<batchSize {
            let window = order?[start + b] ?? start + b
            minibatch.setColumn(b, from: tokens, at: windows.lowerBound + window)
        }
    }
}
