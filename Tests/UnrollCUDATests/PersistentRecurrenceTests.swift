import Testing
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// The persistent kernels, which run all steps of a layer in one launch: against the reference engine, against the step
/// kernels, and in many orders of threads and of what they send.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct PersistentRecurrenceTests {
    private static let cells = EngineModel.cells + EngineModel.inputCells

    /// A device that runs few teams of blocks at the same time, so that they have several rows each.
    private static func device(_ exchange: BlockExchange, seed: UInt64 = 0) -> EmulatedDevice {
        EmulatedDevice(seed: seed, multiprocessors: exchange == .cluster ? 32 : 6)
    }

    private static func engine(
        _ model: EngineModel, _ precision: Precision, _ exchange: BlockExchange, blocks: Int? = nil,
        on device: EmulatedDevice
    ) throws -> CUDAEngine {
        try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision,
            recurrence: exchange == .cluster ? .persistent : .grid, blocks: blocks, on: device)
    }

    /// Compares losses and gradients of all minibatches with the reference engine's.
    private func compare(
        _ model: EngineModel, _ precision: Precision, _ exchange: BlockExchange, blocks: Int? = nil,
        hasKinks: Bool = false
    ) throws {
        let device = Self.device(exchange, seed: 1)
        let engine = try Self.engine(model, precision, exchange, blocks: blocks, on: device)
        guard case .persistent(let layout) = engine.recurrence else {
            Issue.record("\(engine.recurrence)")
            return
        }
        #expect(layout.exchange == exchange)
        if let blocks { #expect(layout.blocks == blocks) }
        for (minibatch, expected) in zip(model.minibatches, try model.reference(in: precision)) {
            let (loss, gradients) = try engine.gradients(on: minibatch)
            #expect(abs(loss / expected.meanLoss - 1) < precision.tolerance.loss)
            for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) where !hasKinks {
                let difference = actual.values.difference(from: wanted.values)
                #expect(difference < precision.tolerance.gradient, "\(actual.name)")
            }
            let mean = try engine.evaluate(minibatch) / Double(minibatch.tokenCount)
            #expect(abs(mean / expected.meanLoss - 1) < precision.tolerance.loss)
        }
        #expect(
            device.launches["\(exchange)_forward"]
                == 2 * model.minibatches.count * model.configuration.layerCount)
        #expect(device.launches["step_forward"] == nil && device.launches["step_backward"] == nil)
    }

    @Test(arguments: cells.indices, BlockExchange.allCases)
    func everyCellAgreesWithTheReference(index: Int, exchange: BlockExchange) throws {
        let cell = Self.cells[index]
        let model = try EngineModel(cell: cell, size: EngineModelSize(T: 4, B: 9, V: 31, H: 33, L: 2, E: 33))
        // What is a cell's own is the same text for all, and each is compiled for the occasion.
        let precision = Precision.trainable[(index + (exchange == .grid ? 1 : 0)) % 2]
        try compare(
            model, precision, exchange,
            hasKinks: precision == .bfloat16 && EngineModel.isKinked(cell))
    }

    /// One unit and one row, and sizes that are no multiple of anything.
    @Test(
        arguments: [
            EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 5, B: 70, V: 7, H: 20),
            EngineModelSize(T: 3, B: 3, V: 300, H: 100, L: 2, E: 7),
        ], Precision.trainable)
    func oddSizesAgreeWithTheReference(size: EngineModelSize, precision: Precision) throws {
        for exchange in BlockExchange.allCases {
            try compare(try EngineModel(cell: TanhCell.self, size: size), precision, exchange)
        }
    }

    @Test(arguments: [1, 2, 4, 8, 16], Precision.trainable)
    func clustersOfEverySizeAgreeWithTheReference(clusterSize: Int, precision: Precision) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 2, B: 11, V: 7, H: 65))
        try compare(model, precision, .cluster, blocks: clusterSize)
    }

    /// Of one block for all units, of one for each 16 of them, and of sizes between, some of whose blocks have fewer.
    @Test(arguments: [1, 2, 3, 5], Precision.trainable)
    func teamsOfAGridOfEverySizeAgreeWithTheReference(blocks: Int, precision: Precision) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 2, B: 19, V: 7, H: 65))
        try compare(model, precision, .grid, blocks: blocks)
    }

    /// In blocks of many units, weights lie in shared memory too.
    @Test(arguments: Precision.trainable)
    func weightsInSharedMemoryAgreeWithTheReference(precision: Precision) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 3, V: 7, H: 100))
        let layer = try RecurrentLayer(model.configuration, precision)
        let blocks = precision == .bfloat16 ? 1 : 2
        for exchange in BlockExchange.allCases {
            let layout = try #require(
                RecurrenceChoice.layouts(
                    of: layer, exchange: exchange, on: EmulatedDevice().properties, blocks: blocks
                ).first)
            #expect(layout.keptForward < layout.forwardChunks)
            try compare(model, precision, exchange, blocks: blocks)
        }
    }

    @Test(
        arguments: [LSTMCell.self, GRUCell.self, SplitCell.self] as [any RecurrentCell.Type],
        BlockExchange.allCases)
    func theSameIsLeftOutAsInTheReference(cell: any RecurrentCell.Type, exchange: BlockExchange) throws {
        let model = try EngineModel(
            cell: cell, size: EngineModelSize(T: 7, B: 7, V: 31, H: 33, L: 2, E: 7),
            zoneout: Zoneout(output: 0.1, memory: 0.2))
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try Self.engine(model, .float32, exchange, on: Self.device(exchange, seed: 2))
        for usesVariationalDropout in [false, true] {
            let regularization = Regularization(
                dropout: 0.2, usesVariationalDropout: usesVariationalDropout, embeddingDropout: 0.3,
                weightDrop: 0.3)
            for (step, minibatch) in model.minibatches.enumerated() {
                let randomness = StepRandomness(regularization: regularization, seed: 77, step: step)
                let expected = try reference.gradients(on: minibatch, randomness: randomness)
                let actual = try engine.gradients(on: minibatch, randomness: randomness)
                #expect(abs(actual.meanLoss / expected.meanLoss - 1) < 1e-5)
                for (actual, wanted) in zip(actual.gradients.entries, expected.gradients.entries) {
                    #expect(actual.values.difference(from: wanted.values) < 1e-5, "\(actual.name)")
                }
                let nats = try reference.evaluate(minibatch)
                #expect(abs(try engine.evaluate(minibatch) / nats - 1) < 1e-5)
            }
        }
    }

    /// Sums are in another order than the step kernels', but of the same numbers.
    @Test(arguments: Precision.trainable, BlockExchange.allCases)
    func gradientsAreThoseOfTheStepKernels(precision: Precision, exchange: BlockExchange) throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: EngineModelSize(T: 9, B: 19, V: 7, H: 65, L: 2))
        let steps = try CUDAEngine(model, precision: precision)
        let persistent = try Self.engine(model, precision, exchange, on: Self.device(exchange))
        for minibatch in model.minibatches {
            let wanted = try steps.gradients(on: minibatch)
            let actual = try persistent.gradients(on: minibatch)
            // A state that is rounded the other way, once in a while, is another by 1/256.
            let tolerance = precision == .float32 ? 5e-6 : 5e-3
            #expect(abs(actual.meanLoss / wanted.meanLoss - 1) < tolerance)
            for (actual, wanted) in zip(actual.gradients.entries, wanted.gradients.entries) {
                #expect(actual.values.difference(from: wanted.values) < tolerance, "\(actual.name)")
            }
            for engine in [steps, persistent] { _ = try engine.evaluate(minibatch) }
        }
    }

    /// A layer of the size that grids are for, whose weights lie in registers and in shared memory of many blocks.
    @Test(arguments: Precision.trainable) func aLargeLayerIsThatOfTheStepKernels(precision: Precision) throws
    {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 2, B: 9, V: 3, H: 1024))
        let steps = try CUDAEngine(model, precision: precision)
        let grid = try Self.engine(model, precision, .grid, on: EmulatedDevice(seed: 1, multiprocessors: 64))
        let wanted = try steps.gradients(on: model.minibatches[0])
        let actual = try grid.gradients(on: model.minibatches[0])
        let tolerance = precision == .float32 ? 1e-5 : 5e-3
        #expect(abs(actual.meanLoss / wanted.meanLoss - 1) < tolerance)
        for (actual, wanted) in zip(actual.gradients.entries, wanted.gradients.entries) {
            #expect(actual.values.difference(from: wanted.values) < tolerance, "\(actual.name)")
        }
    }

    @Test(arguments: Precision.trainable) func bitsAreTheSameInEveryOrderAndDivision(precision: Precision)
        throws
    {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 6, B: 9, V: 7, H: 65))
        for (exchange, blocks) in [(BlockExchange.cluster, 2), (.cluster, 4), (.grid, 2), (.grid, 5)] {
            var first: NamedTensors<Double>?
            for seed in 0..<16 {
                // As many teams as run at the same time decide how many rows each has.
                let multiprocessors =
                    (exchange == .cluster ? [16, 32, 132] : [blocks, 2 * blocks, 4 * blocks])[seed % 3]
                let device = EmulatedDevice(seed: UInt64(seed), multiprocessors: multiprocessors)
                let engine = try Self.engine(model, precision, exchange, blocks: blocks, on: device)
                _ = try engine.evaluate(model.minibatches[0])
                let gradients = try engine.gradients(on: model.minibatches[1]).gradients
                #expect(first == nil || gradients == first, "seed \(seed)")
                first = gradients
            }
        }
    }

    /// Training in runs of steps, which become graphs, with the state carried from one to the next.
    @Test(arguments: [0, 5], BlockExchange.allCases)
    func trainingIsAsInTheReference(seed: UInt64, exchange: BlockExchange) throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 7, V: 31, H: 33, L: 2, E: 33))
        let optimizer = Optimizer(rule: .adam(), learningRate: 0.01, maxGradientNorm: 0.5)
        let steps = (model.minibatches + model.minibatches).map {
            TrainingStep(minibatch: $0, optimizer: optimizer)
        }
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try Self.engine(model, .float32, exchange, on: Self.device(exchange, seed: seed))
        for (actual, wanted) in zip(try engine.train(steps), try reference.train(steps)) {
            #expect(abs(actual.meanLoss / wanted.meanLoss - 1) < 1e-5)
            #expect(abs(actual.gradientNorm / wanted.gradientNorm - 1) < 1e-5)
        }
        for (actual, wanted) in zip(try engine.state.entries, reference.state.entries) {
            #expect(
                actual.values.map(Double.init).difference(from: wanted.values.map(Double.init)) < 1e-4,
                "\(actual.name)")
        }
    }

    @Test(arguments: Precision.trainable, BlockExchange.allCases)
    func advancingEqualsEvaluating(precision: Precision, exchange: BlockExchange) throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: EngineModelSize(T: 7, B: 3, V: 31, H: 33, L: 2, E: 33))
        let engine = try Self.engine(model, precision, exchange, on: Self.device(exchange, seed: 3))
        let other = try engine.sharingParameters(threads: nil)
        #expect(other.recurrence == engine.recurrence)
        for minibatch in model.minibatches {
            let whole = try engine.evaluate(minibatch)
            #expect(abs(try other.lossOfAdvancing(through: minibatch) / whole - 1) < 1e-5)
            #expect(try other.state == engine.state)
        }
    }
}
