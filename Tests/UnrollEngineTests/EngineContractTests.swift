import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// What every engine offers beside steps: runs, predictions, states as values, shared parameters, a description.
@Suite struct EngineContractTests {
    private static let cells: [any RecurrentCell.Type] = [TanhCell.self, LSTMCell.self, GRUCell.self]
    private static let sizes = [
        EngineModelSize(T: 5, B: 3, V: 9, H: 33),
        EngineModelSize(T: 4, B: 2, V: 70, H: 7, L: 2, E: 5),
    ]

    private func engines(_ model: EngineModel) throws -> [any Engine] {
        [
            try ReferenceEngine(configuration: model.configuration, parameters: model.parameters),
            try CPUEngine(configuration: model.configuration, parameters: model.parameters, threads: 2),
        ]
    }

    private func steps(_ model: EngineModel) -> [TrainingStep] {
        model.minibatches.enumerated().map { index, minibatch in
            TrainingStep(
                minibatch: minibatch,
                optimizer: Optimizer(rule: .adam(), learningRate: 0.01 / Float(index + 1)),
                randomness: StepRandomness(regularization: Regularization(dropout: 0.2), seed: 3, step: index)
            )
        }
    }

    @Test(arguments: 0..<3, sizes) func aRunIsItsSteps(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        let steps = steps(model)
        for (engine, other) in zip(try engines(model), try engines(model)) {
            let results = try engine.train(steps)
            let expected = try steps.map {
                try other.train(on: $0.minibatch, with: $0.optimizer, randomness: $0.randomness)
            }
            #expect(results == expected)
            #expect(try engine.parameters == other.parameters)
            #expect(try engine.state == other.state)
            #expect(try engine.optimizerState == other.optimizerState)
            #expect(try engine.train([]).isEmpty)
        }
    }

    /// The result that is not finite is the last, and nothing has changed since the step before.
    @Test func aRunStopsBeforeWhatIsNotFinite() throws {
        let model = try EngineModel(cell: ReLUCell.self, size: Self.sizes[0])
        var steps = steps(model)
        steps[0].optimizer = Optimizer(learningRate: 1e30, maxGradientNorm: nil)
        for (engine, other) in zip(try engines(model), try engines(model)) {
            let results = try engine.train(steps)
            // Double precision stays finite for a step longer.
            let finite = try #require(results.firstIndex { !$0.isFinite })
            #expect(finite >= 1 && results.count == finite + 1)
            _ = try other.train(Array(steps[..<finite]))
            #expect(try engine.parameters == other.parameters)
            #expect(try engine.state == other.state)
            #expect(results[finite].description.contains("unchanged"))
        }
    }

    /// A step that would throw ends the run before it, and throws as the first of the next.
    @Test func aRunStopsBeforeAnError() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: Self.sizes[0])
        var steps = steps(model)
        steps[2].minibatch.inputs[1] = 1000
        for engine in try engines(model) {
            #expect(try engine.train(steps).count == 2)
            let parameters = try engine.parameters
            #expect(throws: EngineError.tokenOutOfRange(1000, vocabularySize: 9)) {
                try engine.train(Array(steps[2...]))
            }
            #expect(try engine.parameters == parameters)
        }
    }

    @Test(arguments: 0..<3, sizes) func predictionsAgree(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        let engines = try engines(model)
        for minibatch in model.minibatches {
            for engine in engines { _ = try engine.evaluate(minibatch) }
            var (values, others) = ([Float](), [Float]())
            for step in 0..<size.T {
                for row in 0..<size.B {
                    let predictions = try engines.map { try $0.prediction(step: step, row: row) }
                    #expect(abs(predictions[0].loss - predictions[1].loss) < 1e-5)
                    #expect(abs(predictions[0].entropy - predictions[1].entropy) < 1e-5)
                    try engines[0].copyProbabilities(step: step, row: row, to: &values)
                    try engines[1].copyProbabilities(step: step, row: row, to: &others)
                    #expect(values.count == size.V && greatestDifference(values, others) < 1e-6)
                    for state in 0..<model.configuration.cell.states.count {
                        for layer in 0..<size.L {
                            try engines[0].copyUnits(
                                ofState: state, layer: layer, step: step, row: row, to: &values)
                            try engines[1].copyUnits(
                                ofState: state, layer: layer, step: step, row: row, to: &others)
                            #expect(values.count == size.H && greatestDifference(values, others) < 1e-5)
                        }
                    }
                }
            }
        }
    }

    private func greatestDifference(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test func predictionsThatAreNotThereAreRefused() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: Self.sizes[0])
        for engine in try engines(model) {
            #expect(throws: EngineError.noPrediction(step: 0, row: 0)) {
                try engine.prediction(step: 0, row: 0)
            }
            _ = try engine.evaluate(model.minibatches[0])
            _ = try engine.prediction(step: 4, row: 2)
            for (step, row) in [(5, 0), (0, 3), (-1, 0), (0, -1)] {
                #expect(throws: EngineError.noPrediction(step: step, row: row)) {
                    try engine.prediction(step: step, row: row)
                }
            }
            var units: [Float] = []
            for (state, layer) in [(2, 0), (0, 1), (-1, 0)] {
                #expect(throws: EngineError.self) {
                    try engine.copyUnits(ofState: state, layer: layer, step: 0, row: 0, to: &units)
                }
            }
            _ = try engine.train(on: model.minibatches[0], with: Optimizer())
            #expect(throws: EngineError.noPrediction(step: 0, row: 0)) {
                try engine.prediction(step: 0, row: 0)
            }
        }
    }

    @Test func statesAreValuesOfEveryEngine() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: Self.sizes[1])
        for engine in try engines(model) {
            #expect(try engine.recurrentState == RecurrentState(zerosFor: model.configuration))
            var logits: [Float] = []
            try engine.advance([1, 2, 3], logits: &logits)
            var state = RecurrentState(zerosFor: ModelConfiguration(cell: GRUCell.self, hiddenSize: 5))
            try engine.copyState(to: &state)
            #expect(try state == engine.recurrentState)
            #expect(try state.tensors == engine.state)
            try engine.advance([4, 5, 6], logits: &logits)
            let expected = logits
            try engine.restoreState(state)
            try engine.advance([4, 5, 6], logits: &logits)
            #expect(zip(logits, expected).allSatisfy { abs($0 - $1) < 1e-5 })
            #expect(throws: EngineError.self) {
                try engine.restoreState(
                    RecurrentState(zerosFor: ModelConfiguration(cell: GRUCell.self, hiddenSize: 5)))
            }
        }
    }

    @Test func parametersCanBeShared() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: Self.sizes[0])
        for engine in try engines(model) {
            let nats = try engine.evaluate(model.minibatches[0])
            let other = try engine.sharingParameters(threads: 1)
            #expect(try other.state.entries.isEmpty)
            #expect(try other.evaluate(model.minibatches[0]) == nats)
            #expect(try other.parameters == engine.parameters)
        }
    }

    @Test func enginesDescribeThemselves() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: Self.sizes[0])
        let engines = try engines(model)
        #expect(engines[0].description == EngineDescription(name: "reference"))
        #expect("\(engines[0].description)" == "reference")
        #expect(engines[1].description.threads == 2)
        for (precision, level) in ConformanceTests.kernels {
            let engine = try CPUEngine(
                configuration: model.configuration, parameters: model.parameters, precision: precision,
                threads: 1, kernelLevel: level)
            #expect(
                engine.description
                    == EngineDescription(name: "cpu", precision: precision, threads: 1, kernelLevel: level))
            #expect(
                "\(engine.description)"
                    == (precision == .float32 ? "cpu (\(level))" : "cpu (\(level), bfloat16)"))
        }
        let settings = EngineSettings(threads: 1, kernelLevel: .portable)
        for (maker, name) in [(EngineMaker.cpu, "cpu (portable)"), (.reference, "reference")] {
            let engine = try maker.engine(
                configuration: model.configuration, parameters: model.parameters, settings: settings)
            #expect("\(engine.description)" == name)
        }
    }
}
