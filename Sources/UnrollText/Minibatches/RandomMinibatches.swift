import UnrollBase

/// Cuts a text into subsequences of `T` tokens that do not overlap, and puts them into random order.
///
/// The text begins at a random offset in `0..<T`. Subsequences that do not fill a last minibatch are left out.
struct RandomMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let shape: MinibatchShape
    private let offset: Int
    /// The subsequences in the order of the epoch.
    private let order: SampleOrder

    init(cutting tokens: TokenIDs, shape: MinibatchShape, random: RandomSource) throws {
        // The largest offset skips T - 1 tokens, and the last target is one after the last input.
        try shape.check(tokens, extra: shape.sequenceLength)
        var random = random
        self.tokens = tokens
        self.shape = shape
        offset = random.integer(below: shape.sequenceLength)
        order = SampleOrder(
            count: (tokens.count - offset - 1) / shape.sequenceLength, random: &random)
        count = order.count / shape.batchSize
    }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        fill(&minibatch, at: index, rows: 0..<shape.batchSize)
    }

    func fill(_ minibatch: inout Minibatch, at index: Int, rows: Range<Int>) {
        minibatch.reshape(
            sequenceLength: shape.sequenceLength, rows: rows.clamped(to: 0..<shape.batchSize),
            of: shape.batchSize, continuesState: false)
        minibatch.setColumns(from: tokens) { row in
            offset + order[index * shape.batchSize + row] * shape.sequenceLength
        }
    }
}

/// Takes every window of `T` + 1 tokens, each one token after the last: in random order to train, in order to validate.
///
/// The last minibatch has fewer windows when `B` does not divide their number.
struct WindowMinibatches: MinibatchSource {
    let count: Int
    private let tokens: TokenIDs
    private let shape: MinibatchShape
    /// The positions of the windows.
    private let windows: Range<Int>
    /// The windows in the order of the epoch, counted from the first; nil for their order in the text.
    private let order: SampleOrder?

    init(
        cutting tokens: TokenIDs, shape: MinibatchShape, first: Int, count requested: Int?,
        random: RandomSource?
    ) throws {
        try shape.check()
        let available = tokens.count - shape.sequenceLength
        if let requested {
            try ParameterError.require(requested >= 1, "windowCount", is: requested, but: "at least 1")
        }
        let (end, overflow) = first.addingReportingOverflow(requested ?? 1)
        guard !overflow, end <= available else {
            let (needed, overflows) = shape.sequenceLength.addingReportingOverflow(overflow ? Int.max : end)
            throw TextError.textTooShort(
                tokens: tokens.count, needed: overflows ? Int.max : needed, batchSize: shape.batchSize,
                sequenceLength: shape.sequenceLength)
        }
        windows = first..<(requested == nil ? available : end)
        try shape.checkSize(batchSize: min(shape.batchSize, windows.count))
        if var random {
            order = SampleOrder(count: windows.count, random: &random)
        } else {
            order = nil
        }
        count = (windows.count - 1) / shape.batchSize + 1
        self.tokens = tokens
        self.shape = shape
    }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        fill(&minibatch, at: index, rows: 0..<shape.batchSize)
    }

    func fill(_ minibatch: inout Minibatch, at index: Int, rows: Range<Int>) {
        let start = index * shape.batchSize
        let batchSize = min(shape.batchSize, windows.count - start)
        minibatch.reshape(
            sequenceLength: shape.sequenceLength, rows: rows.clamped(to: 0..<batchSize), of: batchSize,
            continuesState: false)
        minibatch.setColumns(from: tokens) { row in
            windows.lowerBound + (order?[start + row] ?? start + row)
        }
    }
}
