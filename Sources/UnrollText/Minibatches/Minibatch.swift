/// Inputs and targets of one training step, time-major: `inputs[t * batchSize + b]`.
///
/// The buffers keep their capacity when a batch source fills the same value again, so that steps after the first
/// allocate nothing.
public struct Minibatch: Sendable, Equatable {
    /// Time steps `T`.
    public private(set) var sequenceLength: Int
    /// Sequences side by side, `B`.
    public private(set) var batchSize: Int
    /// Whether the recurrent state goes on from the minibatch before (sequential partitioning) or starts at zero.
    public var continuesState: Bool
    /// Token ids that go in, `[T, B]`.
    public var inputs: [Int32]
    /// Token ids to predict, `[T, B]`: the inputs one step later.
    public var targets: [Int32]

    /// How many tokens it predicts, `T * B`.
    public var tokenCount: Int { inputs.count }

    /// Creates an empty minibatch for a batch source to fill.
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
