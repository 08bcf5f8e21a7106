import Testing
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Training in shards by `CPUEngine` and `ReferenceEngine`: the gradients of one piece, and the same bits whatever the number
/// of processes.
struct ShardedEngineTests {
    /// The engines that are tested.
    enum Kind: CaseIterable {
        case cpu
        case reference

        func make(_ model: EngineModel) throws -> any Engine {
            switch self {
            case .cpu:
                try CPUEngine(configuration: model.configuration, parameters: model.parameters, threads: 2)
            case .reference:
                try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
            }
        }
    }

    /// Everything that is left out at random.
    static let regularization = Regularization(
        dropout: 0.3, embeddingDropout: 0.2, weightDrop: 0.2, labelSmoothing: 0.1)

    static let size = EngineModelSize(T: 4, B: 3, V: 11, H: 9, L: 2, E: 5)

    @Test(arguments: Kind.allCases, EngineModel.cells.indices)
    func shardsAreAsOnePiece(kind: Kind, cell: Int) throws {
        let cell = EngineModel.cells[cell]
        var training = try ShardedTraining(
            cell: cell, size: Self.size, shardCount: 4, zoneout: Zoneout(output: 0.1, memory: 0.2))
        // Where a gradient may switch, one step.
        let minibatches = Array(training.model.minibatches.prefix(EngineModel.isKinked(cell) ? 1 : 3))
        for regularization in [nil, Self.regularization] {
            training.regularization = regularization
            let model = training.model
            let wanted = try training.whole(on: minibatches) { try Kind.reference.make(model) }
            try training.sharded(by: nil, on: minibatches) { _ in try kind.make(model) }
                .expectNear(wanted, within: 1e-4)
        }
    }

    /// One-hot tokens, tied weights and a single bias; with dropout that is the same at all times.
    @Test(
        arguments: Kind.allCases,
        [
            EngineModelSize(T: 3, B: 2, V: 9, H: 7, hasSingleBias: true),
            EngineModelSize(T: 3, B: 2, V: 9, H: 7, L: 2, E: 7, isTied: true),
        ])
    func shardsOfOtherNetworksAreAsOnePiece(kind: Kind, size: EngineModelSize) throws {
        var training = try ShardedTraining(cell: LSTMCell.self, size: size, shardCount: 3)
        training.regularization = Regularization(
            dropout: 0.3, usesVariationalDropout: true, weightDrop: 0.2)
        let model = training.model
        let wanted = try training.whole { try Kind.reference.make(model) }
        try training.sharded(by: nil) { _ in try kind.make(model) }.expectNear(wanted, within: 1e-4)
    }

    @Test(arguments: Kind.allCases, [1, 2, 5, 8]) func bitsDependOnNoNumberOfProcesses(
        kind: Kind, shardCount: Int
    ) throws {
        var training = try ShardedTraining(
            cell: LSTMCell.self, size: Self.size, shardCount: shardCount,
            zoneout: Zoneout(output: 0.1, memory: 0.2))
        training.regularization = Self.regularization
        training.optimizer = Optimizer(
            rule: .adam(), learningRate: 0.01, maxGradientNorm: 0.25, averaging: .mean)
        let model = training.model
        let alone = try training.sharded(by: nil) { _ in try kind.make(model) }
        #expect(alone.results.count == 3 && alone.results.allSatisfy(\.isFinite))
        #expect(alone.state.entries.first?.shape[1] == 3 * shardCount)
        for processes in 1...shardCount {
            let together = try training.sharded(by: processes) { _ in try kind.make(model) }
            #expect(together == alone, "\(processes) processes")
        }
    }

    /// The last windows of a text, which are too few for all shards: one has fewer rows, and others have none.
    @Test(arguments: Kind.allCases, 1...7) func aLastMinibatchNeedNotBeFull(kind: Kind, rows: Int) throws {
        var training = try ShardedTraining(cell: GRUCell.self, size: Self.size, shardCount: 3)
        training.regularization = Self.regularization
        let model = training.model
        let minibatches = [model.minibatches[0], model.minibatches[1].window(ofRows: rows)]
        let wanted = try training.whole(on: minibatches) { try Kind.reference.make(model) }
        let alone = try training.sharded(by: nil, on: minibatches) { _ in try kind.make(model) }
        alone.expectNear(wanted, within: 1e-4)
        for processes in 2...3 {
            let together = try training.sharded(by: processes, on: minibatches) { _ in try kind.make(model) }
            #expect(together == alone, "\(processes) processes")
        }
    }

    /// A step whose gradient is not finite changes nothing in any process, though one alone has found it.
    @Test(arguments: Kind.allCases, [Float.infinity, .nan]) func aStepThatIsNotFiniteChangesNothing(
        kind: Kind, number: Float
    ) throws {
        var training = try ShardedTraining(cell: TanhCell.self, size: Self.size, shardCount: 4)
        training.optimizer = Optimizer(rule: .adam(), learningRate: 0.01)
        training.model.setVector(ofToken: 10, to: number)
        let model = training.model
        let good = model.minibatches.map { $0.replacing(10, with: 9) }
        var bad = good[1]
        bad.inputs[bad.batchSize + 7] = 10
        let first = try training.sharded(by: nil, on: [good[0]]) { _ in try kind.make(model) }
        for processes in [nil, 1, 3] {
            let outcome = try training.sharded(by: processes, on: [good[0], bad, good[2]]) { _ in
                try kind.make(model)
            }
            #expect(outcome.results.map(\.isFinite) == [true, false])
            #expect(outcome.hasSameModel(as: first))
        }
    }

    @Test func anEngineWithoutGradientsIsRefused() throws {
        let training = try ShardedTraining(cell: TanhCell.self, size: Self.size, shardCount: 2)
        let model = training.model
        let engine = try ShardedEngine(
            Kind.cpu.make(model), in: ShardTree(count: 2), of: nil, batchSize: 3)
        #expect(throws: EngineError.noShards(engine: engine.description.name)) {
            _ = try ShardedEngine(engine, in: ShardTree(count: 2), of: nil, batchSize: 3)
        }
    }
}
