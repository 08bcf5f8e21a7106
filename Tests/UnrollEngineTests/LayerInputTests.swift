import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Formulas that read what their layer reads, on the CPU against the reference engine.
@Suite struct LayerInputTests {
    static let cells = EngineModel.inputCells
    static let sizes = EngineModel.inputSizes

    private func expectClose(
        _ actual: NamedTensors<Double>, _ expected: NamedTensors<Double>, within tolerance: Double,
        _ what: String
    ) {
        for (actual, wanted) in zip(actual.entries, expected.entries) {
            let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
            #expect(
                greatestDifference(actual.values, wanted.values) / scale < tolerance,
                "\(what) \(actual.name)")
        }
    }

    @Test(arguments: cells.indices, sizes)
    func lossAndGradientsAgreeWithTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for (precision, level) in ConformanceTests.kernels {
            let expected = try model.reference(in: precision)
            let tolerance = precision == .float32 ? 1e-5 : 3e-2
            for threads in [1, 2, 3] {
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters,
                    precision: precision, threads: threads, kernelLevel: level)
                for (minibatch, expected) in zip(model.minibatches, expected) {
                    let (loss, gradients) = try engine.gradients(on: minibatch)
                    #expect(abs(loss / expected.meanLoss - 1) < (precision == .float32 ? 1e-5 : 2e-3))
                    expectClose(
                        gradients, expected.gradients, within: tolerance, "\(precision) \(level) \(threads)")
                    _ = try engine.evaluate(minibatch)
                }
            }
        }
    }

    @Test(arguments: cells.indices, sizes)
    func oneAndTwoThreadsAgreeInEveryBit(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for (precision, level) in ConformanceTests.kernels {
            let engines = try [1, 2, 3].map { threads in
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters,
                    precision: precision, threads: threads, kernelLevel: level)
                for minibatch in model.minibatches {
                    _ = try engine.train(on: minibatch, with: Optimizer(learningRate: 0.1))
                }
                return engine
            }
            for engine in engines.dropFirst() {
                #expect(engine.parameters == engines[0].parameters, "\(precision) \(level)")
                #expect(engine.state == engines[0].state, "\(precision) \(level)")
            }
        }
    }

    @Test(
        arguments: cells.indices,
        [
            Regularization(dropout: 0.3), Regularization(embeddingDropout: 0.4),
            Regularization(dropout: 0.2, usesVariationalDropout: true, weightDrop: 0.3),
        ])
    func theSameIsLeftOutAsInTheReference(cell: Int, regularization: Regularization) throws {
        for size in Self.sizes {
            let model = try EngineModel(
                cell: Self.cells[cell], size: size, zoneout: Zoneout(output: 0.2))
            let reference = try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters)
            let engine = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
            for (step, minibatch) in model.minibatches.enumerated() {
                let randomness = StepRandomness(regularization: regularization, seed: 7, step: step)
                expectClose(
                    try engine.gradients(on: minibatch, randomness: randomness).gradients,
                    try reference.gradients(on: minibatch, randomness: randomness).gradients, within: 1e-5,
                    size.testDescription)
                // Without dropout again.
                let nats = try reference.evaluate(minibatch)
                #expect(abs(try engine.evaluate(minibatch) / nats - 1) < 1e-5)
            }
        }
    }

    @Test(arguments: cells.indices, [1, 2])
    func advancingTokenByTokenEqualsEvaluating(cell: Int, threads: Int) throws {
        let model = try EngineModel(
            cell: Self.cells[cell], size: EngineModelSize(T: 6, B: 1, V: 40, H: 33, L: 2, E: 33))
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, threads: threads)
        var (actual, expected): ([Float], [Float]) = ([], [])
        for (index, token) in model.minibatches[0].inputs.enumerated() {
            try engine.advance(token, logits: &actual)
            try reference.advance(token, logits: &expected)
            #expect(greatestDifference(actual.map(Double.init), expected.map(Double.init)) < 1e-5)
            // A step with dropout in between, on the same memory.
            var minibatch = Minibatch()
            minibatch.reshape(sequenceLength: 1, batchSize: 1, continuesState: false)
            let regularization = Regularization(dropout: 0.5)
            _ = try engine.gradients(
                on: minibatch,
                randomness: StepRandomness(regularization: regularization, seed: 1, step: index))
        }
    }

    @Test func derivativesAreSlopes() throws {
        for cell in Self.cells {
            #expect(try GradientCheck.greatestError(of: cell) < 1e-8, "\(cell.name)")
        }
    }

    @Test(arguments: [nil, 7] as [Int?])
    func aModelWhoseInputHasAnotherSizeIsRefused(embedding: Int?) throws {
        let error = ModelError.inputOfAnotherSize(cell: "highway", hiddenSize: 8, embeddingSize: embedding)
        #expect(throws: error) {
            try EngineModel(
                cell: HighwayCell.self, size: EngineModelSize(T: 2, B: 1, V: 5, H: 8, E: embedding))
        }
        #expect(error.description.contains("the cell 'highway'"))
        #expect(error.description.contains("embedding of size 8"))
        #expect(error.description.contains(embedding == nil ? "one-hot vectors" : "vectors of 7 numbers"))
    }
}
