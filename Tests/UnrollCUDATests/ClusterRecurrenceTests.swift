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
struct ClusterRecurrenceTests {
    private static let cells = EngineModel.cells + EngineModel.inputCells

    /// A device that runs few clusters at the same time, so that they have several rows each.
    private static func device(seed: UInt64 = 0) -> EmulatedDevice {
        EmulatedDevice(seed: seed, multiprocessors: 32)
    }

    private static func engine(
        _ model: EngineModel, _ precision: Precision, clusterSize: Int? = nil, on device: EmulatedDevice
    ) throws -> CUDAEngine {
        try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision,
            recurrence: .persistent, clusterSize: clusterSize, on: device)
    }

    /// Compares losses and gradients of all minibatches with the reference engine's.
    private func compare(
        _ model: EngineModel, _ precision: Precision, clusterSize: Int? = nil, hasKinks: Bool = false
    ) throws {
        let device = Self.device(seed: 1)
        let engine = try Self.engine(model, precision, clusterSize: clusterSize, on: device)
        guard case .clusters(let layout) = engine.recurrence else {
            Issue.record("\(engine.recurrence)")
            return
        }
        if let clusterSize { #expect(layout.clusterSize == clusterSize) }
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
            device.launches["cluster_forward"] == 2 * model.minibatches.count * model.configuration.layerCount
        )
        #expect(device.launches["step_forward"] == nil && device.launches["step_backward"] == nil)
    }

    @Test(arguments: cells.indices, Precision.allCases)
    func everyCellAgreesWithTheReference(cell: Int, precision: Precision) throws {
        let cell = Self.cells[cell]
        let model = try EngineModel(cell: cell, size: EngineModelSize(T: 4, B: 9, V: 31, H: 33, L: 2, E: 33))
        try compare(
            model, precision,
            hasKinks: precision == .bfloat16 && CUDAConformanceTests.isKinked(cell))
    }

    /// One unit and one row, and sizes that are no multiple of anything.
    @Test(
        arguments: [
            EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 5, B: 70, V: 7, H: 20),
            EngineModelSize(T: 3, B: 3, V: 300, H: 100, L: 2, E: 7),
        ], Precision.allCases)
    func oddSizesAgreeWithTheReference(size: EngineModelSize, precision: Precision) throws {
        try compare(try EngineModel(cell: TanhCell.self, size: size), precision)
    }

    @Test(arguments: [1, 2, 4, 8, 16], Precision.allCases)
    func clustersOfEverySizeAgreeWithTheReference(clusterSize: Int, precision: Precision) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 2, B: 11, V: 7, H: 65))
        try compare(model, precision, clusterSize: clusterSize)
    }

    /// In blocks of many units, weights lie in shared memory too.
    @Test(arguments: Precision.allCases)
    func weightsInSharedMemoryAgreeWithTheReference(precision: Precision) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 3, V: 7, H: 100))
        let layer = try RecurrentLayer(model.configuration, precision)
        let size = precision == .bfloat16 ? 1 : 2
        let layout = try #require(
            RecurrenceChoice.layouts(of: layer, on: EmulatedDevice().properties, clusterSize: size).first)
        #expect(layout.keptForward < layout.forwardChunks)
        try compare(model, precision, clusterSize: size)
    }

    @Test(arguments: [LSTMCell.self, GRUCell.self, SplitCell.self] as [any RecurrentCell.Type])
    func theSameIsLeftOutAsInTheReference(cell: any RecurrentCell.Type) throws {
        let model = try EngineModel(
            cell: cell, size: EngineModelSize(T: 7, B: 7, V: 31, H: 33, L: 2, E: 7),
            zoneout: Zoneout(output: 0.1, memory: 0.2))
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try Self.engine(model, .float32, on: Self.device(seed: 2))
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
    @Test(arguments: Precision.allCases) func gradientsAreThoseOfTheStepKernels(precision: Precision) throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: EngineModelSize(T: 9, B: 19, V: 7, H: 65, L: 2))
        let steps = try CUDAEngine(model, precision: precision)
        let clusters = try Self.engine(model, precision, on: Self.device())
        for minibatch in model.minibatches {
            let wanted = try steps.gradients(on: minibatch)
            let actual = try clusters.gradients(on: minibatch)
            // A state that is rounded the other way, once in a while, is another by 1/256.
            let tolerance = precision == .float32 ? 5e-6 : 5e-3
            #expect(abs(actual.meanLoss / wanted.meanLoss - 1) < tolerance)
            for (actual, wanted) in zip(actual.gradients.entries, wanted.gradients.entries) {
                #expect(actual.values.difference(from: wanted.values) < tolerance, "\(actual.name)")
            }
            for engine in [steps, clusters] { _ = try engine.evaluate(minibatch) }
        }
    }

    @Test(arguments: Precision.allCases) func bitsAreTheSameInEveryOrderAndDivision(precision: Precision)
        throws
    {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 6, B: 9, V: 7, H: 65))
        for clusterSize in [2, 4] {
            var first: NamedTensors<Double>?
            for seed in 0..<16 {
                // As many clusters as run at the same time decide how many rows each has.
                let device = EmulatedDevice(seed: UInt64(seed), multiprocessors: [16, 32, 132][seed % 3])
                let engine = try Self.engine(model, precision, clusterSize: clusterSize, on: device)
                _ = try engine.evaluate(model.minibatches[0])
                let gradients = try engine.gradients(on: model.minibatches[1]).gradients
                #expect(first == nil || gradients == first, "seed \(seed)")
                first = gradients
            }
        }
    }

    /// Training in runs of steps, which become graphs, with the state carried from one to the next.
    @Test(arguments: [0, 5]) func trainingIsAsInTheReference(seed: UInt64) throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 7, V: 31, H: 33, L: 2, E: 33))
        let optimizer = Optimizer(rule: .adam(), learningRate: 0.01, maxGradientNorm: 0.5)
        let steps = (model.minibatches + model.minibatches).map {
            TrainingStep(minibatch: $0, optimizer: optimizer)
        }
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try Self.engine(model, .float32, on: Self.device(seed: seed))
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

    @Test(arguments: Precision.allCases) func advancingEqualsEvaluating(precision: Precision) throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: EngineModelSize(T: 7, B: 3, V: 31, H: 33, L: 2, E: 33))
        let engine = try Self.engine(model, precision, on: Self.device(seed: 3))
        let other = try engine.sharingParameters(threads: nil)
        #expect(other.recurrence == engine.recurrence)
        for minibatch in model.minibatches {
            let whole = try engine.evaluate(minibatch)
            var sum = 0.0
            for step in 0..<7 {
                var logits: [Float] = []
                if step == 0, !minibatch.continuesState { try other.restoreState(NamedTensors()) }
                try other.advance(Array(minibatch.inputs[step * 3..<step * 3 + 3]), logits: &logits)
                for row in 0..<3 {
                    sum += negativeLogLikelihood(
                        of: Int(minibatch.targets[step * 3 + row]),
                        logits: Array(logits[row * 31..<row * 31 + 31]))
                }
            }
            #expect(abs(sum / whole - 1) < 1e-5)
            #expect(try other.state == engine.state)
        }
    }
}
