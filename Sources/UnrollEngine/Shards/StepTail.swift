import UnrollCluster

/// What processes ask of each other with a step of training.
package struct StepSignals: OptionSet, Sendable {
    package let rawValue: Int

    package init(rawValue: Int) {
        self.rawValue = rawValue
    }

    /// To stop after this step.
    package static let stop = StepSignals(rawValue: 1)
    /// To collect the state after this step, for a checkpoint.
    package static let collect = StepSignals(rawValue: 2)

    static let all: [StepSignals] = [.stop, .collect]
}

/// The numbers that travel behind a gradient and are added with it, so that a step needs no message of its own for them:
/// the loss of every shard and signals.
///
/// Sums of single-precision numbers would round a loss. Its 64 bits are therefore four numbers of 16 bits in places of the
/// shard's own, to which all other shards add zeros: every process gets every loss as it was, and adds them in order.
struct StepTail {
    /// Numbers of a loss.
    private static let parts = 4
    private let shardCount: Int

    init(shardCount: Int) {
        self.shardCount = shardCount
    }

    /// The number of numbers.
    var count: Int { Self.parts * shardCount + StepSignals.all.count }

    /// A shard's summed loss, and signals, as the numbers behind its gradient.
    func numbers(loss: Double, ofShard shard: Int, _ signals: StepSignals) -> [Float] {
        var numbers = [Float](repeating: 0, count: count)
        for part in 0..<Self.parts {
            numbers[Self.parts * shard + part] = Float(loss.bitPattern >> (16 * part) & 0xFFFF)
        }
        for (index, signal) in StepSignals.all.enumerated() where signals.contains(signal) {
            numbers[Self.parts * shardCount + index] = 1
        }
        return numbers
    }

    /// The loss of all shards, added up in order, and all their signals.
    func read(_ numbers: [Float]) -> (loss: Double, signals: StepSignals) {
        var loss = 0.0
        for shard in 0..<shardCount {
            var bits: UInt64 = 0
            for part in 0..<Self.parts {
                // What has been damaged on its way is no loss, and the step does not count.
                guard let number = UInt16(exactly: numbers[Self.parts * shard + part]) else {
                    return (.nan, [])
                }
                bits |= UInt64(number) << (16 * part)
            }
            loss += Double(bitPattern: bits)
        }
        var signals = StepSignals()
        for (index, signal) in StepSignals.all.enumerated()
        where numbers[Self.parts * shardCount + index] > 0 {
            signals.insert(signal)
        }
        return (loss, signals)
    }
}
