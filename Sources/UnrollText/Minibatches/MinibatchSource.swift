import UnrollBase

/// The minibatches of one epoch, in order.
///
/// Every minibatch can be made without those before it, so that a resumed run goes on anywhere.
public protocol MinibatchSource: Sendable {
    /// The number of minibatches in the epoch.
    var count: Int { get }

    /// Makes the minibatch at an index in `0 ..< count`, in memory that it has already where it can.
    func fill(_ minibatch: inout Minibatch, at index: Int)
}

extension Minibatch {
    /// Makes column `b` of the minibatch: inputs from `start` on, and as targets the tokens one step later.
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
