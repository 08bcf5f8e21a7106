import Testing
import UnrollCUDA
import UnrollCluster
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Training in shards by `CUDAEngine` on the emulator: the gradients of one piece, and the same bits whatever the number of
/// processes.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct ShardedCUDATests {
    static let regularization = Regularization(
        dropout: 0.3, embeddingDropout: 0.2, weightDrop: 0.2, labelSmoothing: 0.1)
    static let zoneout = Zoneout(output: 0.1, memory: 0.2)
    static let size = EngineModelSize(T: 4, B: 3, V: 11, H: 9, L: 2, E: 5)

    /// An engine on a device of its own.
    static func engine(
        _ model: EngineModel, _ precision: Precision = .float32, _ kernels: RecurrenceKernels = .steps,
        seed: UInt64 = 0
    ) throws -> CUDAEngine {
        try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision,
            recurrence: kernels, on: EmulatedDevice(seed: seed))
    }

    @Test(arguments: EngineModel.cells.indices) func shardsAreAsOnePieceInTheReference(cell: Int) throws {
        let cell = EngineModel.cells[cell]
        var training = try ShardedTraining(cell: cell, size: Self.size, shardCount: 4, zoneout: Self.zoneout)
        // One step, as near where a rectifier turns, later ones may differ.
        let minibatches = Array(
            training.model.minibatches.prefix(EngineModel.isKinked(cell) ? 1 : 3))
        for regularization in [nil, Self.regularization] {
            training.regularization = regularization
            let model = training.model
            let wanted = try training.whole(on: minibatches) {
                try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
            }
            try training.sharded(by: nil, on: minibatches) { _ in try Self.engine(model, seed: 1) }
                .expectNear(wanted, within: 1e-4)
        }
    }

    /// All kernels of the recurrence draw the masks of a shard's own rows.
    @Test(
        arguments: RecurrenceKernels.allCases,
        [
            EngineModelSize(T: 4, B: 3, V: 11, H: 16, L: 2, E: 16),
            EngineModelSize(T: 3, B: 2, V: 300, H: 24, hasSingleBias: true),
        ])
    func allKernelsAreAsOnePiece(kernels: RecurrenceKernels, size: EngineModelSize) throws {
        for precision in Precision.trainable {
            var training = try ShardedTraining(
                cell: LSTMCell.self, size: size, shardCount: 3, zoneout: Self.zoneout)
            training.regularization = Regularization(dropout: 0.3, weightDrop: 0.2, labelSmoothing: 0.1)
            let model = training.model
            let wanted = try training.whole { try Self.engine(model, precision, kernels) }
            let tolerance = precision == .float32 ? 1e-4 : 1e-2
            let alone = try training.sharded(by: nil) { _ in try Self.engine(model, precision, kernels) }
            alone.expectNear(wanted, within: tolerance)
            let together = try training.sharded(by: 2) { _ in try Self.engine(model, precision, kernels) }
            #expect(together == alone)
        }
    }

    @Test(arguments: [1, 3, 4, 8]) func bitsDependOnNoNumberOfProcesses(shardCount: Int) throws {
        var training = try ShardedTraining(
            cell: GRUCell.self, size: Self.size, shardCount: shardCount, zoneout: Self.zoneout)
        training.regularization = Self.regularization
        training.optimizer = Optimizer(
            rule: .adam(), learningRate: 0.01, maxGradientNorm: 0.25, averaging: .mean)
        let model = training.model
        // So often that steps of shards and updates become graphs.
        let minibatches = model.minibatches + model.minibatches.dropFirst() + model.minibatches.dropFirst()
        let alone = try training.sharded(by: nil, on: minibatches) { _ in try Self.engine(model) }
        #expect(alone.transport == nil)
        #expect(alone.results.count == 7 && alone.results.allSatisfy(\.isFinite))
        #expect(alone.optimizerState.steps == 7 && alone.optimizerState.averagedSteps == 7)
        for processes in Set([1, 2, 3, shardCount]).filter({ $0 <= shardCount }) {
            let together = try training.sharded(by: processes, on: minibatches) { rank in
                try Self.engine(model, seed: UInt64(rank))
            }
            #expect(together == alone, "\(processes) processes")
            #expect(
                together.transport
                    == (processes == 1
                        ? nil : "copies through the machine's memory, as processes 0 and 1 share a GPU"))
        }
    }

    /// The last windows of a text, which are too few for all shards: one has fewer rows, and others have none.
    @Test(arguments: [1, 5]) func aLastMinibatchNeedNotBeFull(rows: Int) throws {
        var training = try ShardedTraining(cell: LSTMCell.self, size: Self.size, shardCount: 3)
        training.regularization = Self.regularization
        let model = training.model
        let minibatches = [model.minibatches[0], model.minibatches[1].window(ofRows: rows)]
        let wanted = try training.whole(on: minibatches) {
            try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        }
        let alone = try training.sharded(by: nil, on: minibatches) { _ in try Self.engine(model) }
        alone.expectNear(wanted, within: 1e-4)
        let together = try training.sharded(by: 3, on: minibatches) { _ in try Self.engine(model) }
        #expect(together == alone)
    }

    /// A step whose gradient is not finite changes nothing in any process, though one alone has found it.
    @Test(arguments: [Float.infinity, .nan]) func aStepThatIsNotFiniteChangesNothing(number: Float) throws {
        var training = try ShardedTraining(cell: TanhCell.self, size: Self.size, shardCount: 4)
        training.optimizer = Optimizer(rule: .adam(), learningRate: 0.01)
        training.model.setVector(ofToken: 10, to: number)
        let model = training.model
        let good = model.minibatches.map { $0.replacing(10, with: 9) }
        var bad = good[1]
        bad.inputs[bad.batchSize + 7] = 10
        let first = try training.sharded(by: nil, on: [good[0]]) { _ in try Self.engine(model) }
        for processes in [nil, 3] {
            let outcome = try training.sharded(by: processes, on: [good[0], bad, good[2]]) { _ in
                try Self.engine(model)
            }
            #expect(outcome.results.map(\.isFinite) == [true, false])
            #expect(outcome.hasSameModel(as: first))
        }
    }

    /// Any minibatch may be part of a larger one, also where it is trained on or asked for its gradients by itself.
    @Test func aPartOfAMinibatchHasItsOwnMasksAndItsShareOfTheMean() throws {
        let training = try ShardedTraining(
            cell: LSTMCell.self, size: Self.size, shardCount: 2, zoneout: Self.zoneout)
        let model = training.model
        let reference = try ReferenceEngine(
            configuration: model.configuration, parameters: model.parameters)
        let engine = try Self.engine(model)
        let randomness = StepRandomness(regularization: Self.regularization, seed: 3, step: 5)
        var part = Minibatch()
        part.copyRows(2..<5, of: model.minibatches[0])
        let wanted = try reference.gradients(on: part, randomness: randomness)
        let actual = try engine.gradients(on: part, randomness: randomness)
        #expect(abs(actual.meanLoss / wanted.meanLoss - 1) < 1e-5)
        for (actual, wanted) in zip(actual.gradients.entries, wanted.gradients.entries) {
            #expect(actual.values.difference(from: wanted.values) < 1e-5, "\(actual.name)")
        }
        let expected = try reference.train(on: part, with: Optimizer(), randomness: randomness)
        let result = try engine.train(on: part, with: Optimizer(), randomness: randomness)
        #expect(abs(result.gradientNorm / expected.gradientNorm - 1) < 1e-5)
        #expect(abs(result.meanLoss / expected.meanLoss - 1) < 1e-5)
    }

    /// A step in one piece launches what it always has: shards cost it nothing.
    @Test func aStepInOnePieceLaunchesNothingForShards() throws {
        let training = try ShardedTraining(cell: TanhCell.self, size: Self.size, shardCount: 1)
        let device = EmulatedDevice()
        let engine = try CUDAEngine(
            configuration: training.model.configuration, parameters: training.model.parameters,
            recurrence: .steps, on: device)
        _ = try engine.train(on: training.model.minibatches[0], with: Optimizer())
        #expect(
            device.launches == [
                "begin_step": 1, "look_up": 1, "product": 10, "step_forward": 8, "small_cross_entropy": 1,
                "sum_rows": 3, "step_backward": 8, "add_by_token": 1, "sum_squares": 1, "end_step": 1,
                "update": 1, "carry_states": 1,
            ])
    }
}
