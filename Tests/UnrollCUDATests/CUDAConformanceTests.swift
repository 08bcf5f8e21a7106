import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// `CUDAEngine` on the emulator against the reference engine.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct CUDAConformanceTests {
    static let cells = EngineModel.cells

    static let sizes = [
        EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 7, B: 31, V: 33, H: 65),
        EngineModelSize(T: 33, B: 7, V: 65, H: 31), EngineModelSize(T: 7, B: 33, V: 31, H: 7),
        EngineModelSize(T: 7, B: 1, V: 300, H: 33),
    ]

    /// Several layers, embeddings and tied weights; small and large vocabularies.
    static let stacks = [
        EngineModelSize(T: 7, B: 7, V: 65, H: 33, L: 3),
        EngineModelSize(T: 7, B: 33, V: 31, H: 65, L: 2, E: 7),
        EngineModelSize(T: 7, B: 7, V: 300, H: 31, L: 2, E: 31, isTied: true),
        EngineModelSize(T: 7, B: 1, V: 7, H: 33, L: 2, hasSingleBias: true),
    ]

    @Test(arguments: cells.indices, sizes + stacks)
    func lossAndGradientsAgreeWithTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for precision in Precision.trainable {
            let expected = try model.reference(in: precision)
            let engine = try CUDAEngine(model, precision: precision, seed: UInt64(cell))
            for (minibatch, expected) in zip(model.minibatches, expected) {
                let (loss, gradients) = try engine.gradients(on: minibatch)
                #expect(abs(loss / expected.meanLoss - 1) < precision.tolerance.loss, "\(precision) loss")
                for (actual, wanted) in zip(gradients.entries, expected.gradients.entries)
                where precision == .float32 || !EngineModel.isKinked(Self.cells[cell]) {
                    #expect(
                        actual.values.difference(from: wanted.values) < precision.tolerance.gradient,
                        "\(precision) \(actual.name)")
                }
                let mean = try engine.evaluate(minibatch) / Double(minibatch.tokenCount)
                #expect(abs(mean / expected.meanLoss - 1) < precision.tolerance.loss, "\(precision)")
            }
        }
    }

    /// Formulas that read what their layer reads, with and without dropout.
    @Test(arguments: EngineModel.inputCells.indices, EngineModel.inputSizes)
    func whatALayerReadsIsAsInTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: EngineModel.inputCells[cell], size: size)
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try CUDAEngine(model)
        let regularization = Regularization(dropout: 0.2, embeddingDropout: 0.3)
        for (step, minibatch) in model.minibatches.enumerated() {
            let randomness = StepRandomness(regularization: regularization, seed: 7, step: step)
            for randomness in [nil, randomness] {
                let expected = try reference.gradients(on: minibatch, randomness: randomness)
                let actual = try engine.gradients(on: minibatch, randomness: randomness)
                #expect(abs(actual.meanLoss / expected.meanLoss - 1) < 1e-5)
                for (actual, wanted) in zip(actual.gradients.entries, expected.gradients.entries) {
                    #expect(actual.values.difference(from: wanted.values) < 1e-5, "\(actual.name)")
                }
            }
            let nats = try reference.evaluate(minibatch)
            #expect(abs(try engine.evaluate(minibatch) / nats - 1) < 1e-5)
        }
    }

    /// Regularizers, alone and together.
    static let regularizations: [(name: String, Regularization, Zoneout)] = [
        ("dropout", Regularization(dropout: 0.4), Zoneout()),
        ("variational", Regularization(dropout: 0.4, usesVariationalDropout: true), Zoneout()),
        ("vectors", Regularization(embeddingDropout: 0.4), Zoneout()),
        ("weights", Regularization(weightDrop: 0.4), Zoneout()),
        ("smoothing", Regularization(labelSmoothing: 0.2), Zoneout()),
        ("zoneout", Regularization(), Zoneout(output: 0.2, memory: 0.4)),
        ("memory", Regularization(), Zoneout(memory: 0.4)),
        (
            "all",
            Regularization(dropout: 0.2, embeddingDropout: 0.3, weightDrop: 0.3, labelSmoothing: 0.1),
            Zoneout(output: 0.1, memory: 0.2)
        ),
    ]

    @Test(
        arguments: regularizations.indices,
        [TanhCell.self, LSTMCell.self, SplitCell.self] as [any RecurrentCell.Type])
    func theSameIsLeftOutAsInTheReference(index: Int, cell: any RecurrentCell.Type) throws {
        let (name, regularization, zoneout) = Self.regularizations[index]
        for size in [
            EngineModelSize(T: 7, B: 7, V: 31, H: 33, L: 2, E: 7),
            EngineModelSize(T: 2, B: 3, V: 300, H: 31, L: 2, E: 31, isTied: true),
        ] {
            let model = try EngineModel(cell: cell, size: size, zoneout: zoneout)
            let reference = try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters)
            let engine = try CUDAEngine(model)
            for (step, minibatch) in model.minibatches.enumerated() {
                let randomness = StepRandomness(regularization: regularization, seed: 77, step: step)
                let expected = try reference.gradients(on: minibatch, randomness: randomness)
                let actual = try engine.gradients(on: minibatch, randomness: randomness)
                #expect(abs(actual.meanLoss / expected.meanLoss - 1) < 1e-5, "\(name)")
                for (actual, wanted) in zip(actual.gradients.entries, expected.gradients.entries) {
                    #expect(actual.values.difference(from: wanted.values) < 1e-5, "\(name) \(actual.name)")
                }
                let nats = try reference.evaluate(minibatch)
                #expect(abs(try engine.evaluate(minibatch) / nats - 1) < 1e-5, "\(name)")
            }
        }
    }

    static let optimizers =
        Optimizer.Rule.all.flatMap { rule in
            [Optimizer.Averaging.none, .mean, .exponential(decay: 0.5)].map {
                Optimizer(rule: rule, learningRate: 0.01, maxGradientNorm: 0.5, averaging: $0)
            }
        } + [
            Optimizer(learningRate: 0.5, maxGradientNorm: nil, weightDecay: 0.1),
            Optimizer(rule: .adam(), learningRate: 0.01, weightDecay: 0.1),
            Optimizer(rule: .adamw(), learningRate: 0.01, weightDecay: 0.1),
        ]

    @Test(arguments: optimizers) func optimizersUpdateAsInTheReference(optimizer: Optimizer) throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 7, V: 31, H: 33, L: 2, E: 7))
        let reference = try ReferenceEngine(
            configuration: model.configuration, parameters: model.parameters)
        let engine = try CUDAEngine(model)
        for minibatch in model.minibatches + model.minibatches {
            let expected = try reference.train(on: minibatch, with: optimizer)
            let actual = try engine.train(on: minibatch, with: optimizer)
            #expect(abs(actual.meanLoss / expected.meanLoss - 1) < 1e-5)
            #expect(abs(actual.gradientNorm / expected.gradientNorm - 1) < 1e-5)
        }
        for _ in 0..<2 {
            for (actual, wanted) in zip(try engine.parameters.entries, reference.parameters.entries) {
                // The first steps of Adam and RMSprop divide small gradients by small roots.
                let difference = actual.values.map(Double.init).difference(
                    from: wanted.values.map(Double.init))
                #expect(difference < 1e-4, "\(actual.name)")
            }
            try engine.exchangeParametersWithAverage()
            reference.exchangeParametersWithAverage()
        }
        let (actual, wanted) = (try engine.optimizerState, reference.optimizerState)
        #expect(actual.steps == wanted.steps && actual.averagedSteps == wanted.averagedSteps)
        #expect(actual.slots.entries.map(\.name) == wanted.slots.entries.map(\.name))
    }

    @Test(arguments: cells.indices) func advancingTokenByTokenEqualsEvaluating(cell: Int) throws {
        let model = try EngineModel(
            cell: Self.cells[cell], size: EngineModelSize(T: 7, B: 3, V: 33, H: 31, L: 2, E: 7))
        let engine = try CUDAEngine(model)
        var before = NamedTensors<Float>()
        for minibatch in model.minibatches {
            let whole = try engine.evaluate(minibatch)
            let after = try engine.state
            let predictions = try (0..<7).map { try engine.prediction(step: $0, row: 1) }
            var probabilities: [Float] = []
            try engine.copyProbabilities(step: 6, row: 2, to: &probabilities)
            var units: [Float] = []
            try engine.copyUnits(ofState: 0, layer: 1, step: 6, row: 2, to: &units)
            #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5)
            #expect(units == Array(after.entries[0].values[(3 + 2) * 31..<(3 + 3) * 31]))

            let other = try CUDAEngine(model)
            if minibatch.continuesState { try other.restoreState(before) }
            before = after
            var sum = 0.0
            for step in 0..<7 {
                var logits: [Float] = []
                try other.advance(Array(minibatch.inputs[step * 3..<step * 3 + 3]), logits: &logits)
                for row in 0..<3 {
                    let loss = negativeLogLikelihood(
                        of: Int(minibatch.targets[step * 3 + row]),
                        logits: Array(logits[row * 33..<row * 33 + 33]))
                    if row == 1 { #expect(abs(predictions[step].loss - loss) < 1e-5) }
                    sum += loss
                }
            }
            #expect(abs(sum / whole - 1) < 1e-5)
            for (actual, wanted) in zip(try other.state.entries, after.entries) {
                let difference = actual.values.map(Double.init).difference(
                    from: wanted.values.map(Double.init))
                #expect(difference < 1e-5)
            }
        }
    }
}

extension CUDAEngine {
    /// An engine on an emulator of its own.
    convenience init(_ model: EngineModel, precision: Precision = .float32, seed: UInt64 = 0) throws {
        try self.init(
            configuration: model.configuration, parameters: model.parameters, precision: precision,
            on: EmulatedDevice(seed: seed))
    }
}

extension Precision {
    /// How far losses and gradients may be from those of double precision.
    var tolerance: (loss: Double, gradient: Double) {
        switch self {
        case .float32: (1e-5, 1e-5)
        case .bfloat16, .int8: (2e-3, 3e-2)
        }
    }
}

extension [Double] {
    /// The greatest difference from other values, relative to the greatest of those.
    func difference(from wanted: [Double]) -> Double {
        let scale = wanted.reduce(1e-12) { Swift.max($0, abs($1)) }
        return zip(self, wanted).reduce(0) {
            // Not a number is as far as can be.
            $1.0.isNaN ? .infinity : Swift.max($0, abs($1.0 - $1.1) / scale)
        }
    }
}
