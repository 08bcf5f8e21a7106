import UnrollCluster
import UnrollModel
import UnrollText

/// An engine that trains on minibatches in shards: several times a number of rows, whose gradients are added up.
///
/// Each shard's gradient is computed by itself, in the network's fixed order, and the gradients are added in a fixed tree
/// (`ShardTree`). The shards are computed one after another (gradient accumulation) or, in a group, by several processes,
/// each some of them. No bit depends on the number of processes.
///
/// In a group the engine holds the rows of its own shards: minibatches and states are of those, except where it says
/// otherwise, and all processes train at the same time.
package final class ShardedEngine: NetworkWrapper {
    package let network: any Engine
    private let gradientEngine: any GradientEngine
    /// The order in which the shards' gradients are added.
    package let tree: ShardTree
    /// The processes that share out the shards; nil for this one alone.
    package let group: (any ProcessGroup)?
    /// Rows of a shard, `B`.
    package let batchSize: Int

    /// What carries gradients from process to process, such as "NCCL 2.27.3"; nil if the group does.
    package let transport: String?

    private let sum: ShardSum
    /// The memories of gradients: sums of the own nodes first, then those that are not yet added to them.
    private let memories: [UnsafeMutablePointer<Float>]
    private let tail: StepTail
    /// The states that each own shard's next step continues from; nil stands for zeros.
    private var states: [RecurrentState?]
    /// Those after the step that is being computed.
    private var newStates: [RecurrentState?]
    private var shard = Minibatch()

    /// What this process asks of the others with its next step.
    package var signals = StepSignals()
    /// What any process asked for with the last step, as all of them know it.
    package var receivedSignals = StepSignals()

    /// Creates an engine that trains in shards.
    ///
    /// - Parameters:
    ///   - network: The engine that computes.
    ///   - tree: The shards.
    ///   - group: The processes that share them out; nil for this one alone.
    ///   - batchSize: Rows of a shard, `B`.
    /// - Throws: `EngineError.noShards` when the engine's gradients cannot be added elsewhere; what its machine lacks.
    package init(
        _ network: any Engine, in tree: ShardTree, of group: (any ProcessGroup)?, batchSize: Int
    ) throws {
        guard let engine = network as? any GradientEngine else {
            throw EngineError.noShards(engine: network.description.name)
        }
        self.network = network
        gradientEngine = engine
        self.tree = tree
        self.group = group
        self.batchSize = batchSize
        tail = StepTail(shardCount: tree.count)
        let reaching = try group.map(engine.group(reaching:))
        transport = (reaching as? any CustomStringConvertible)?.description
        sum = try ShardSum(
            tree, in: reaching, elementCount: engine.gradientSize + tail.count, memory: engine)
        let depth = sum.ownNodes.enumerated().map { $0 + tree.depth(of: $1) }.max() ?? 1
        memories = try engine.makeGradients(depth, extra: tail.count)
        states = sum.ownShards.map { _ in nil }
        newStates = states
    }

    /// The same over an engine that shares the network's parameters, in this process alone.
    package func sharingParameters(threads: Int?) throws -> ShardedEngine {
        try ShardedEngine(
            try network.sharingParameters(threads: threads), in: tree, of: nil, batchSize: batchSize)
    }

    /// Seconds spent in adding up gradients so far, waiting for other processes included.
    package var secondsOfSums: Double { sum.seconds }

    /// The rows of a whole minibatch that this process computes.
    package var ownRows: Range<Int> {
        sum.ownShards.lowerBound * batchSize..<sum.ownShards.upperBound * batchSize
    }

    // MARK: Training

    /// One step of training on this process's rows of a minibatch; the result is that of the whole.
    package func train(
        on minibatch: Minibatch, with optimizer: Optimizer, randomness: StepRandomness?
    ) throws -> StepResult {
        try computeGradients(on: minibatch, randomness)
        try sum.sum(Array(memories[..<sum.ownNodes.count]))
        let (loss, received) = tail.read(try gradientEngine.extraNumbers(ofGradient: 0))
        receivedSignals = received
        let result = try gradientEngine.update(
            with: 0, meanLoss: loss / Double(minibatch.wholeTokenCount), optimizer: optimizer)
        if result.isFinite { swap(&states, &newStates) }
        return result
    }

    /// Computes the gradients of the own shards and adds them up as far as that needs no other process.
    private func computeGradients(on minibatch: Minibatch, _ randomness: StepRandomness?) throws {
        for (first, node) in sum.ownNodes.enumerated() {
            var top = first
            for (index, merges) in zip(node, tree.merges(within: node)) {
                try computeGradient(ofShard: index, in: minibatch, randomness, into: top)
                for _ in 0..<merges {
                    top -= 1
                    try gradientEngine.add(
                        memories[top], memories[top + 1], to: memories[top], count: sum.elementCount)
                }
                top += 1
            }
        }
    }

    private func computeGradient(
        ofShard index: Int, in minibatch: Minibatch, _ randomness: StepRandomness?, into memory: Int
    ) throws {
        let own = index - sum.ownShards.lowerBound
        let rows = minibatch.rows.clamped(to: index * batchSize..<(index + 1) * batchSize)
        var loss = 0.0
        if rows.isEmpty {
            // The last windows of a text may be too few for all shards.
            try gradientEngine.clearGradient(memory)
            newStates[own] = nil
        } else {
            shard.copyRows(rows, of: minibatch)
            if let state = states[own] {
                try network.restoreState(state)
            } else {
                try network.resetState()
            }
            loss = try gradientEngine.computeGradient(on: shard, randomness: randomness, into: memory)
            var state = newStates[own].take() ?? RecurrentState(zerosFor: configuration)
            try network.copyState(to: &state)
            newStates[own] = state
        }
        let numbers = tail.numbers(loss: loss, ofShard: index, own == 0 ? signals : StepSignals())
        try gradientEngine.setExtraNumbers(numbers, ofGradient: memory)
    }

    /// Those of the network, for a minibatch that is not taken apart.
    package func gradients(
        on minibatch: Minibatch, randomness: StepRandomness?
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        try network.gradients(on: minibatch, randomness: randomness)
    }

    // MARK: State

    // That of training. Evaluation and generation have the network's own, so that they leave this alone.

    /// The recurrent state after the last minibatch, of all rows of all shards, `[L, S B, H]`.
    ///
    /// In a group, all processes ask for it at the same time, and get the same.
    package var state: NamedTensors<Float> {
        get throws {
            let states = states.compactMap(\.self)
            var own = states.isEmpty ? nil : try RecurrentState(joining: states)
            if let group, group.size > 1 {
                let parts = try group.gather(own?.numbers ?? []).filter { !$0.isEmpty }
                let all = try parts.map { try RecurrentState(numbers: $0, for: configuration) }
                own = all.isEmpty ? nil : try RecurrentState(joining: all)
            }
            return own?.tensors ?? NamedTensors()
        }
    }

    /// Continues from a state of all rows, or from zeros if it is empty.
    package func restoreState(_ state: NamedTensors<Float>) throws {
        let count = try state.checkedBatchSize(for: configuration)
        let whole = try RecurrentState(state, for: configuration)
        // The last windows of a text may have fewer rows than all shards.
        states = try sum.ownShards.map { index in
            let rows = (index * batchSize..<(index + 1) * batchSize).clamped(to: 0..<count)
            return rows.isEmpty ? nil : try whole.rows(Array(rows))
        }
    }

    /// Continues to evaluate or generate from this state.
    package func restoreState(_ state: RecurrentState) throws { try network.restoreState(state) }

    /// Writes the state of evaluation or generation into a value.
    package func copyState(to state: inout RecurrentState) throws { try network.copyState(to: &state) }
}
