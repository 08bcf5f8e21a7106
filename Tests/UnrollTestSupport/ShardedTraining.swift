import Testing
import UnrollCluster
import UnrollEngine
import UnrollModel
import UnrollText

/// A model that is trained in shards, by one process or several, or in one piece.
package struct ShardedTraining: Sendable {
    package var model: EngineModel
    /// Rows of a shard.
    package let batchSize: Int
    /// How many shards there are.
    package let shardCount: Int
    package var optimizer = Optimizer(learningRate: 0.5, maxGradientNorm: 0.25)
    package var regularization: Regularization?

    /// What training has made of a model.
    package struct Outcome: Sendable, Equatable {
        package var results: [StepResult] = []
        package var parameters: ModelParameters
        package var state: NamedTensors<Float>
        package var optimizerState: OptimizerState
        /// What has carried gradients; nil for the group itself.
        package var transport: String?

        /// Whether all bits are the same, also of what is not a number.
        package static func == (left: Self, right: Self) -> Bool {
            left.resultBits == right.resultBits && left.hasSameModel(as: right)
        }

        /// Whether parameters, states and the optimizer's have the same bits.
        package func hasSameModel(as other: Self) -> Bool {
            modelBits == other.modelBits && optimizerState.steps == other.optimizerState.steps
                && optimizerState.averagedSteps == other.optimizerState.averagedSteps
        }

        private var resultBits: [[UInt64]] {
            results.map { [$0.meanLoss.bitPattern, $0.gradientNorm.bitPattern] }
        }

        private var modelBits: [[UInt32]] {
            (parameters.entries + state.entries + optimizerState.slots.entries).map {
                $0.values.map(\.bitPattern)
            }
        }
    }

    /// A model whose minibatches have the rows of all shards.
    ///
    /// - Parameters:
    ///   - cell: The cell.
    ///   - size: Its sizes, with the rows of a shard.
    ///   - shardCount: How many shards there are.
    ///   - zoneout: The chance of states that stay as they are.
    /// - Throws: `ModelError`.
    package init(
        cell: any RecurrentCell.Type, size: EngineModelSize, shardCount: Int, zoneout: Zoneout = Zoneout()
    ) throws {
        let whole = EngineModelSize(
            T: size.T, B: size.B * shardCount, V: size.V, H: size.H, L: size.L, E: size.E,
            isTied: size.isTied, hasSingleBias: size.hasSingleBias)
        model = try EngineModel(cell: cell, size: whole, zoneout: zoneout)
        batchSize = size.B
        self.shardCount = shardCount
    }

    private func step(_ index: Int, on minibatch: Minibatch) -> TrainingStep {
        TrainingStep(
            minibatch: minibatch, optimizer: optimizer,
            randomness: regularization.map { StepRandomness(regularization: $0, seed: 7, step: index) })
    }

    /// Trains in one piece.
    package func whole(
        on minibatches: [Minibatch]? = nil, _ make: () throws -> any Engine
    ) throws -> Outcome {
        let engine = try make()
        let steps = (minibatches ?? model.minibatches).enumerated().map { step($0, on: $1) }
        return try outcome(of: engine, try engine.train(steps))
    }

    /// Trains in shards, in each of some processes.
    ///
    /// - Parameters:
    ///   - processes: How many processes share out the shards; nil for this one alone.
    ///   - minibatches: What to train on; those of the model if nil.
    ///   - make: Makes the engine of a process.
    /// - Returns: The outcome, which all processes have found.
    /// - Throws: What a process has thrown.
    package func sharded(
        by processes: Int?, on minibatches: [Minibatch]? = nil,
        _ make: @escaping @Sendable (_ rank: Int) throws -> any Engine
    ) throws -> Outcome {
        let minibatches = minibatches ?? model.minibatches
        guard let processes else { return try train(make(0), in: nil, on: minibatches) }
        let outcomes = try LocalProcessGroup.runEnding(processes) { group in
            try train(make(group.rank), in: group, on: minibatches)
        }.map { try $0.get() }
        for outcome in outcomes { #expect(outcome == outcomes[0]) }
        return outcomes[0]
    }

    private func train(
        _ engine: any Engine, in group: LocalProcessGroup?, on minibatches: [Minibatch]
    ) throws -> Outcome {
        let sharded = try ShardedEngine(
            engine, in: ShardTree(count: shardCount), of: group, batchSize: batchSize)
        let steps = minibatches.enumerated().map { index, whole in
            var own = Minibatch()
            // A process reads the rows of its own shards alone.
            own.copyRows(sharded.ownRows.clamped(to: whole.rows), of: whole)
            return step(index, on: own)
        }
        var outcome = try outcome(of: sharded, try sharded.train(steps))
        outcome.transport = sharded.transport
        return outcome
    }

    private func outcome(of engine: any Engine, _ results: [StepResult]) throws -> Outcome {
        Outcome(
            results: results, parameters: try engine.parameters, state: try engine.state,
            optimizerState: try engine.optimizerState)
    }
}

extension ShardedTraining.Outcome {
    /// Expects losses, norms, parameters and states that differ by rounding alone.
    ///
    /// - Parameters:
    ///   - other: The other outcome.
    ///   - tolerance: The greatest difference, relative to the greatest number of a tensor.
    ///   - location: The test that compares.
    package func expectNear(
        _ other: Self, within tolerance: Double, sourceLocation location: SourceLocation = #_sourceLocation
    ) {
        #expect(results.count == other.results.count, sourceLocation: location)
        for (step, (result, wanted)) in zip(results, other.results).enumerated() {
            #expect(
                abs(result.meanLoss / wanted.meanLoss - 1) < tolerance, "loss \(step)",
                sourceLocation: location)
            #expect(
                abs(result.gradientNorm / wanted.gradientNorm - 1) < tolerance, "norm \(step)",
                sourceLocation: location)
        }
        Self.expectNear(parameters, other.parameters, tolerance, location)
        Self.expectNear(state, other.state, tolerance, location)
    }

    private static func expectNear(
        _ tensors: NamedTensors<Float>, _ wanted: NamedTensors<Float>, _ tolerance: Double,
        _ location: SourceLocation
    ) {
        #expect(tensors.entries.map(\.shape) == wanted.entries.map(\.shape), sourceLocation: location)
        for (tensor, wanted) in zip(tensors.entries, wanted.entries) {
            let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
            let isNear = zip(tensor.values, wanted.values).allSatisfy {
                abs(Double($0) - Double($1)) <= tolerance * Double(scale)
            }
            #expect(isNear, "\(tensor.name)", sourceLocation: location)
        }
    }
}

extension Minibatch {
    /// The first rows, as of a text whose last windows are so few.
    package func window(ofRows count: Int) -> Minibatch {
        var result = Minibatch()
        result.reshape(sequenceLength: sequenceLength, batchSize: count, continuesState: false)
        for t in 0..<sequenceLength {
            for b in 0..<count {
                result.inputs[t * count + b] = inputs[t * batchSize + b]
                result.targets[t * count + b] = targets[t * batchSize + b]
            }
        }
        return result
    }

    /// The same with another token in place of one.
    package func replacing(_ token: Int32, with other: Int32) -> Minibatch {
        var result = self
        result.inputs = inputs.map { $0 == token ? other : $0 }
        return result
    }
}
