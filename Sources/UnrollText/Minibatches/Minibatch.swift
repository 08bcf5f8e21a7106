/// The inputs and targets of one training step, time-major: `inputs[t * batchSize + b]`.
///
/// The arrays keep their capacity when a source fills the same value again, so that steps after the first allocate
/// nothing.
public struct Minibatch: Sendable, Equatable {
    /// The number of time steps, `T`.
    public private(set) var sequenceLength: Int
    /// The number of sequences side by side, `B`.
    public private(set) var batchSize: Int
    /// Whether the recurrent state goes on from the minibatch before, as in sequential partitioning, or starts at zero.
    public var continuesState: Bool
    /// The token ids that go in, `[T, B]`.
    public var inputs: [Int32]
    /// The token ids to predict, `[T, B]`: the inputs one step later.
    public var targets: [Int32]

    /// The number of tokens to predict, `T * B`.
    public var tokenCount: Int { inputs.count }

    /// Creates an empty minibatch for a source to fill.
    public init() {
        sequenceLength = 0
        batchSize = 0
        continuesState = false
        inputs = []
        targets = []
    }

    /// Gives the minibatch a shape; the ids are unspecified until they are set.
    public mutating func reshape(sequenceLength: Int, batchSize: Int, continuesState: Bool) {
        self.sequenceLength = sequenceLength
        self.batchSize = batchSize
        self.continuesState = continuesState
        let count = sequenceLength * batchSize
        Self.resize(&inputs, to: count)
        Self.resize(&targets, to: count)
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

    /// Whether the predictions of the minibatch at an index in `0..<count` count; those of a warm-up do not.
    ///
    /// Default: they do.
    func counts(at index: Int) -> Bool
}

extension MinibatchSource {
    /// All predictions count.
    public func counts(at index: Int) -> Bool { true }
}

extension Minibatch {
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
