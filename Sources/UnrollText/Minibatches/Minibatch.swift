/// The inputs and targets of one training step, time-major: `inputs[t * batchSize + b]`.
///
/// The arrays keep their capacity when a source fills the same value again, so that steps after the first allocate
/// nothing.
public struct Minibatch: Sendable, Equatable {
    /// The number of time steps, `T`.
    public private(set) var sequenceLength: Int
    /// The number of sequences side by side, `B`.
    public private(set) var batchSize: Int
    /// The number of sequences of the whole minibatch, where this is a shard of it; otherwise `B`.
    public private(set) var wholeBatchSize: Int
    /// The row of the whole minibatch that is the first here, from 0.
    public private(set) var firstRow: Int
    /// Whether the recurrent state goes on from the minibatch before, as in sequential partitioning, or starts at zero.
    public var continuesState: Bool
    /// The token ids that go in, `[T, B]`.
    public var inputs: [Int32]
    /// The token ids to predict, `[T, B]`: the inputs one step later.
    public var targets: [Int32]

    /// The rows of the whole minibatch that these are.
    package var rows: Range<Int> { firstRow..<firstRow + batchSize }

    /// The number of tokens to predict, `T * B`.
    public var tokenCount: Int { inputs.count }

    /// The number of tokens to predict in the whole minibatch, where this is a shard of it.
    public var wholeTokenCount: Int { sequenceLength * wholeBatchSize }

    /// Creates an empty minibatch for a source to fill.
    public init() {
        sequenceLength = 0
        batchSize = 0
        wholeBatchSize = 0
        firstRow = 0
        continuesState = false
        inputs = []
        targets = []
    }

    /// Gives the minibatch a shape; the ids are unspecified until they are set.
    public mutating func reshape(sequenceLength: Int, batchSize: Int, continuesState: Bool) {
        reshape(
            sequenceLength: sequenceLength, rows: 0..<batchSize, of: batchSize, continuesState: continuesState
        )
    }

    /// Gives the minibatch the shape of these rows of a larger one; the ids are unspecified until they are set.
    package mutating func reshape(
        sequenceLength: Int, rows: Range<Int>, of wholeBatchSize: Int, continuesState: Bool
    ) {
        self.sequenceLength = sequenceLength
        self.batchSize = rows.count
        self.wholeBatchSize = wholeBatchSize
        self.firstRow = rows.lowerBound
        self.continuesState = continuesState
        let count = sequenceLength * rows.count
        Self.resize(&inputs, to: count)
        Self.resize(&targets, to: count)
    }

    /// Makes this minibatch of some rows of another, which are counted as those of the whole.
    package mutating func copyRows(_ rows: Range<Int>, of other: Minibatch) {
        reshape(
            sequenceLength: other.sequenceLength, rows: rows, of: other.wholeBatchSize,
            continuesState: other.continuesState)
        let offset = rows.lowerBound - other.firstRow
        for t in 0..<sequenceLength {
            for b in 0..<batchSize {
                inputs[t * batchSize + b] = other.inputs[t * other.batchSize + offset + b]
                targets[t * batchSize + b] = other.targets[t * other.batchSize + offset + b]
            }
        }
    }

    private static func resize(_ ids: inout [Int32], to count: Int) {
        if ids.count > count {
            ids.removeLast(ids.count - count)
        } else {
            ids.append(contentsOf: repeatElement(0, count: count - ids.count))
        }
    }
}

/// The minibatches of one epoch, in order.
///
/// A minibatch can be made without those before it, so that a resumed run goes on anywhere.
public protocol MinibatchSource: Sendable {
    /// The number of minibatches in the epoch.
    var count: Int { get }

    /// Makes the minibatch at an index in `0..<count`, in the memory of `minibatch` where that suffices.
    func fill(_ minibatch: inout Minibatch, at index: Int)

    /// Makes some rows of the minibatch at an index in `0..<count`: those that are there of the ones asked for.
    ///
    /// A source that can reads no more of the text than these.
    ///
    /// Default: makes the whole minibatch, and leaves out the others.
    func fill(_ minibatch: inout Minibatch, at index: Int, rows: Range<Int>)

    /// Whether the predictions of the minibatch at an index in `0..<count` count; those of a warm-up do not.
    ///
    /// Default: they do.
    func counts(at index: Int) -> Bool
}

extension MinibatchSource {
    /// All predictions count.
    public func counts(at index: Int) -> Bool { true }

    /// Makes the whole minibatch, and leaves out the other rows.
    public func fill(_ minibatch: inout Minibatch, at index: Int, rows: Range<Int>) {
        var whole = Minibatch()
        fill(&whole, at: index)
        minibatch.copyRows(rows.clamped(to: 0..<whole.batchSize), of: whole)
    }
}

extension Minibatch {
    /// Makes the columns of a shape's rows, each from its place in the text: the inputs, and the tokens one step later as
    /// targets.
    mutating func setColumns(from tokens: TokenIDs, startingAt start: (_ row: Int) -> Int) {
        for b in 0..<batchSize { setColumn(b, from: tokens, at: start(firstRow + b)) }
    }

    /// Makes column `b` of the minibatch: the inputs from `start` on, and the tokens one step later as targets.
    mutating func setColumn(_ b: Int, from tokens: TokenIDs, at start: Int) {
        let (sequenceLength, batchSize) = (sequenceLength, batchSize)
        func copy(_ start: Int, to ids: inout [Int32]) {
            ids.withUnsafeMutableBufferPointer { ids in
                guard let base = ids.baseAddress else { return }
                tokens.copy(start..<start + sequenceLength, strideInto: base + b, stride: batchSize)
            }
        }
        copy(start, to: &inputs)
        copy(start + 1, to: &targets)
    }
}
