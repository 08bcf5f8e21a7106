import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Engines in int8: what the reference computes with rounded weights and vectors, in the same bits on every level.
@Suite struct Int8Tests {
    static let cells = EngineModel.cells
    static let sizes = ConformanceTests.sizes + ConformanceTests.stacks
    static let levels = KernelLevel.available(for: .int8)

    /// What a run over all minibatches leaves to see.
    private struct Outcome: Equatable {
        var nats: [Double] = []
        var losses: [Double] = []
        var states: [NamedTensors<Float>] = []
        var logits: [[Float]] = []
        var probabilities: [[Float]] = []
    }

    private func outcome(of engine: some Engine, on minibatches: [Minibatch]) throws -> Outcome {
        var outcome = Outcome()
        for minibatch in minibatches {
            outcome.nats.append(try engine.evaluate(minibatch))
            for row in 0..<minibatch.batchSize {
                outcome.losses.append(try engine.loss(step: 0, row: row))
                var probabilities: [Float] = []
                try engine.copyProbabilities(step: 0, row: row, to: &probabilities)
                outcome.probabilities.append(probabilities)
            }
            outcome.states.append(try engine.state)
        }
        var logits: [Float] = []
        try engine.advance(Array(minibatches[0].inputs.prefix(minibatches[0].batchSize)), logits: &logits)
        outcome.logits.append(logits)
        try engine.resetState()
        for token in minibatches[0].inputs.prefix(5) {
            try engine.advance(token, logits: &logits)
            outcome.logits.append(logits)
        }
        outcome.states.append(try engine.state)
        return outcome
    }

    private func engine(
        _ model: EngineModel, threads: Int = 1, level: KernelLevel? = nil
    ) throws -> CPUEngine {
        try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, precision: .int8,
            threads: threads, kernelLevel: level)
    }

    /// A state that is rounded to another whole number here and there moves a result a little.
    @Test(arguments: cells.indices, sizes) func resultsAgreeWithTheReference(
        cell: Int, size: EngineModelSize
    ) throws {
        try expectAgreement(EngineModel(cell: Self.cells[cell], size: size))
    }

    @Test(arguments: EngineModel.inputCells.indices, EngineModel.inputSizes)
    func cellsThatReadTheirInputAgreeWithTheReference(cell: Int, size: EngineModelSize) throws {
        try expectAgreement(EngineModel(cell: EngineModel.inputCells[cell], size: size))
    }

    private func expectAgreement(_ model: EngineModel) throws {
        let reference = try ReferenceEngine(
            configuration: model.configuration, parameters: model.parameters, precision: .int8)
        #expect(reference.description.description == "reference (int8)")
        let expected = try outcome(of: reference, on: model.minibatches)
        let first = try outcome(of: engine(model), on: model.minibatches)
        for (actual, wanted) in zip(first.nats, expected.nats) { #expect(abs(actual / wanted - 1) < 2e-3) }
        for (actual, wanted) in zip(first.states, expected.states) {
            for (actual, wanted) in zip(actual.entries, wanted.entries) {
                let scale = Double(wanted.values.reduce(1e-2) { max($0, abs($1)) })
                #expect(
                    greatestDifference(actual.values.map(Double.init), wanted.values.map(Double.init)) / scale
                        < 2e-2, "\(actual.name)")
            }
        }
        for (actual, wanted) in zip(first.logits, expected.logits) {
            #expect(greatestDifference(actual.map(Double.init), wanted.map(Double.init)) < 2e-2)
        }
    }

    @Test(arguments: cells.indices, sizes) func bitsAreTheSameOnAllLevelsAndThreads(
        cell: Int, size: EngineModelSize
    ) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        let expected = try outcome(of: engine(model, level: .portable), on: model.minibatches)
        for level in Self.levels {
            for threads in [1, 2, 3] {
                let actual = try outcome(
                    of: engine(model, threads: threads, level: level), on: model.minibatches)
                #expect(actual == expected, "\(level), \(threads) threads")
            }
        }
    }

    @Test(
        arguments: cells.indices,
        sizes.filter { $0.B == 1 } + [
            .init(T: 6, B: 1, V: 40, H: 33, L: 3), .init(T: 6, B: 1, V: 300, H: 7, L: 2, E: 33),
            .init(T: 6, B: 1, V: 40, H: 33, L: 2, E: 33, isTied: true),
        ])
    func advancingTokenByTokenIsEvaluating(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        let engine = try engine(model, threads: 2)
        let minibatch = model.minibatches[0]
        let nats = try engine.evaluate(minibatch)
        let state = engine.state
        try engine.resetState()
        var (sum, logits): (Double, [Float]) = (0, [])
        for (input, target) in zip(minibatch.inputs, minibatch.targets) {
            try engine.advance(input, logits: &logits)
            sum += negativeLogLikelihood(of: Int(target), logits: logits)
        }
        #expect(engine.state == state)
        #expect(abs(sum / nats - 1) < 1e-5)
    }

    @Test func parametersAreRoundedOnce() throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 4, B: 3, V: 40, H: 33, L: 2, E: 7))
        let rounded = try model.parameters.roundedToInt8()
        #expect(rounded != model.parameters)
        #expect(try rounded.roundedToInt8() == rounded)
        let first = try engine(model)
        #expect(first.parameters == rounded)
        let second = try CPUEngine(
            configuration: model.configuration, parameters: rounded, precision: .int8)
        let expected = try outcome(of: first, on: model.minibatches)
        #expect(try outcome(of: second, on: model.minibatches) == expected)
        #expect(try outcome(of: first.sharingParameters(threads: 2), on: model.minibatches) == expected)
        // The rounding is seen, and small.
        let exact = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
        let nats = try outcome(of: exact, on: model.minibatches).nats
        for (actual, wanted) in zip(expected.nats, nats) {
            #expect(actual != wanted)
            #expect(abs(actual / wanted - 1) < 0.02)
        }
    }

    @Test func nothingIsTrained() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 3, B: 2, V: 9, H: 8))
        for engine in [
            try engine(model),
            try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters, precision: .int8),
        ] as [any Engine] {
            #expect(throws: EngineError.noTraining(.int8)) {
                try engine.train(on: model.minibatches[0], with: Optimizer())
            }
            #expect(throws: EngineError.noTraining(.int8)) { try engine.gradients(on: model.minibatches[0]) }
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func weightsMustBeFinite(number: Float) throws {
        let model = try EngineModel(cell: GRUCell.self, size: EngineModelSize(T: 3, B: 2, V: 9, H: 8))
        var parameters = model.parameters
        let index = try #require(parameters.entries.firstIndex { $0.name == "rnn.weight_hh_l0" })
        parameters.entries[index].values[17] = number
        for maker in [EngineMaker.cpu, .reference] {
            #expect(throws: ModelError.nonFinite("rnn.weight_hh_l0")) {
                try maker.engine(
                    configuration: model.configuration, parameters: parameters,
                    settings: EngineSettings(precision: .int8))
            }
        }
    }

    /// States that overflow, and biases that are no numbers, are losses that are not finite on every level.
    @Test(arguments: levels) func whatIsNotFiniteStaysVisible(level: KernelLevel) throws {
        let model = try EngineModel(cell: ReLUCell.self, size: EngineModelSize(T: 9, B: 3, V: 5, H: 40, L: 2))
        var large = model.parameters
        for index in large.entries.indices where large.entries[index].name.contains("weight_hh") {
            large.entries[index].values = large.entries[index].values.map { _ in 1e30 }
        }
        var broken = model.parameters
        for index in broken.entries.indices where broken.entries[index].name == "rnn.bias_ih_l1" {
            broken.entries[index].values[33] = .nan
        }
        for parameters in [large, broken] {
            let engine = try CPUEngine(
                configuration: model.configuration, parameters: parameters, precision: .int8, threads: 2,
                kernelLevel: level)
            #expect(try !engine.evaluate(model.minibatches[0]).isFinite)
        }
    }
}
