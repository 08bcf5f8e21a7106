import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Optimizers in both engines: that they agree, and that their state comes and goes.
@Suite struct OptimizerTests {
    static let averagings: [Optimizer.Averaging] = [.none, .mean, .exponential(decay: 0.9)]

    /// Sizes that leave padding, several layers, tied weights, a bias that must stay zero, a batch trained in parts.
    static let sizes: [EngineModelSize] = [
        .init(T: 3, B: 4, V: 33, H: 33, L: 2), .init(T: 4, B: 3, V: 28, H: 31, E: 31, isTied: true),
        .init(T: 3, B: 2, V: 65, H: 7, E: 33, hasSingleBias: true), .init(T: 2, B: 131, V: 9, H: 5),
    ]

    /// Steps that do not grow beyond what single precision follows.
    private func optimizer(
        _ rule: Optimizer.Rule, averaging: Optimizer.Averaging = .none, weightDecay: Float = 0.01
    ) -> Optimizer {
        let isAdaptive = ![.sgd, .momentum(), .nesterov()].contains(rule)
        return Optimizer(
            rule: rule, learningRate: isAdaptive ? 0.01 : 0.1, maxGradientNorm: 0.5,
            weightDecay: weightDecay, averaging: averaging)
    }

    private func train(_ engine: some Engine, on minibatches: [Minibatch], with optimizer: Optimizer) throws {
        for minibatch in minibatches {
            #expect(try engine.train(on: minibatch, with: optimizer).isFinite)
        }
    }

    @Test(arguments: Optimizer.Rule.all.indices, sizes)
    func enginesAgree(rule: Int, size: EngineModelSize) throws {
        try checkAgreement(rule, of: try EngineModel(cell: GRUCell.self, size: size))
    }

    /// Learned vectors are trained as biases are.
    @Test(arguments: Optimizer.Rule.all.indices, sizes)
    func enginesAgreeAboutLearnedVectors(rule: Int, size: EngineModelSize) throws {
        try checkAgreement(rule, of: try EngineModel(cell: PeepholeCell.self, size: size))
    }

    private func checkAgreement(_ rule: Int, of model: EngineModel) throws {
        for averaging in Self.averagings {
            // With a larger epsilon, rounding errors of gradients near zero do not become whole steps.
            let rule: Optimizer.Rule =
                switch Optimizer.Rule.all[rule] {
                case .rmsprop: .rmsprop(epsilon: 1e-3)
                case .adam: .adam(epsilon: 1e-3)
                case .adamw: .adamw(epsilon: 1e-3)
                case let rule: rule
                }
            let optimizer = optimizer(rule, averaging: averaging)
            let reference = try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters)
            try train(reference, on: model.minibatches + model.minibatches, with: optimizer)
            for level in KernelLevel.available() {
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters, threads: 2,
                    kernelLevel: level)
                try train(engine, on: model.minibatches + model.minibatches, with: optimizer)
                let (actual, expected) = (engine.optimizerState, reference.optimizerState)
                #expect(actual.steps == 6 && expected.steps == 6)
                #expect(actual.averagedSteps == expected.averagedSteps)
                expectClose(engine.parameters, reference.parameters, "\(level) \(averaging)")
                expectClose(actual.slots, expected.slots, "\(level) \(averaging)")
            }
        }
    }

    private func expectClose(_ actual: ModelParameters, _ expected: ModelParameters, _ what: String) {
        #expect(actual.entries.map(\.name) == expected.entries.map(\.name), "\(what)")
        #expect(actual.entries.map(\.shape) == expected.entries.map(\.shape), "\(what)")
        for (actual, expected) in zip(actual.entries, expected.entries) {
            let difference = greatestDifference(
                actual.values.map(Double.init), expected.values.map(Double.init))
            #expect(difference < 1e-5, "\(what) \(actual.name)")
        }
    }

    @Test(arguments: Optimizer.Rule.all.indices, sizes)
    func oneAndTwoThreadsAgreeInEveryBit(rule: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: GRUCell.self, size: size)
        let optimizer = optimizer(.all[rule], averaging: .mean)
        for (precision, level) in ConformanceTests.kernels {
            let engines = try [1, 2, 3].map { threads in
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters, precision: precision,
                    threads: threads, kernelLevel: level)
                try train(engine, on: model.minibatches, with: optimizer)
                return engine
            }
            for engine in engines.dropFirst() {
                #expect(engine.parameters == engines[0].parameters, "\(precision) \(level)")
                #expect(engine.optimizerState == engines[0].optimizerState, "\(precision) \(level)")
            }
        }
    }

    @Test(arguments: Optimizer.Rule.all.indices, averagings.indices)
    func aRestoredStateGoesOnInEveryBit(rule: Int, averaging: Int) throws {
        let optimizer = optimizer(.all[rule], averaging: Self.averagings[averaging])
        for size in Self.sizes {
            let model = try EngineModel(cell: PeepholeCell.self, size: size)
            let engine = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
            try train(engine, on: model.minibatches, with: optimizer)
            let other = try CPUEngine(configuration: model.configuration, parameters: engine.parameters)
            try other.restoreState(engine.state)
            try other.restoreOptimizerState(engine.optimizerState)
            #expect(other.optimizerState == engine.optimizerState)
            for engine in [engine, other] { try train(engine, on: model.minibatches, with: optimizer) }
            #expect(other.parameters == engine.parameters)
            #expect(other.optimizerState == engine.optimizerState)
            #expect(engine.optimizerState.steps == 6)
        }
    }

    /// Names and shapes of what a checkpoint saves.
    @Test func slotsAreNamedAfterParameters() throws {
        let model = try EngineModel(cell: TanhCell.self, size: Self.sizes[0])
        let names = model.parameters.entries.map(\.name)
        for (rule, kinds) in [
            (Optimizer.Rule.sgd, [String]()), (.momentum(), ["momentum"]), (.nesterov(), ["momentum"]),
            (.rmsprop(), ["square"]), (.adam(), ["momentum", "square"]), (.adamw(), ["momentum", "square"]),
        ] {
            for engine in try engines(model) {
                #expect(try engine.optimizerState == OptimizerState())
                try train(engine, on: model.minibatches, with: optimizer(rule, averaging: .mean))
                let slots = try engine.optimizerState.slots
                #expect(
                    slots.entries.map(\.name)
                        == (kinds + ["average"]).flatMap { kind in names.map { "\(kind).\($0)" } })
                for entry in model.parameters.entries {
                    #expect(slots["average.\(entry.name)"]?.shape == entry.shape)
                }
            }
        }
    }

    private func engines(_ model: EngineModel) throws -> [any Engine] {
        [
            try CPUEngine(configuration: model.configuration, parameters: model.parameters),
            try ReferenceEngine(configuration: model.configuration, parameters: model.parameters),
        ]
    }

    @Test func aRuleOfOtherSlotsBeginsAtZero() throws {
        let model = try EngineModel(cell: GRUCell.self, size: Self.sizes[0])
        for engine in try engines(model) {
            try train(engine, on: model.minibatches, with: optimizer(.momentum()))
            #expect(try engine.optimizerState.steps == 3)
            try train(engine, on: [model.minibatches[1]], with: optimizer(.adam()))
            #expect(try engine.optimizerState.steps == 1)
            let slots = try engine.optimizerState.slots
            // Of a single step, the mean is a tenth of the gradient and the square a thousandth of its square.
            for entry in model.parameters.entries {
                let momentum = try #require(slots["momentum.\(entry.name)"])
                let square = try #require(slots["square.\(entry.name)"])
                for (m, v) in zip(momentum.values, square.values) {
                    let gradient = Double(m) / 0.1
                    #expect(abs(Double(v) - gradient * gradient / 1000) <= 1e-4 * Double(v) + 1e-12)
                }
            }
        }
    }

    @Test func theAverageGoesOnWhenTheRuleChanges() throws {
        let model = try EngineModel(cell: GRUCell.self, size: Self.sizes[0])
        for engine in try engines(model) {
            try train(engine, on: model.minibatches, with: optimizer(.adam(), averaging: .mean))
            let before = try engine.optimizerState
            // Without averaging the average stays as it is.
            try train(engine, on: model.minibatches, with: optimizer(.sgd))
            #expect(try engine.optimizerState.averagedSteps == 3)
            for entry in try engine.optimizerState.slots.entries {
                #expect(entry == before.slots[entry.name])
            }
            try train(engine, on: model.minibatches, with: optimizer(.sgd, averaging: .mean))
            #expect(try engine.optimizerState.averagedSteps == 6)
        }
    }

    @Test(arguments: sizes) func anAverageIsExchangedAndBack(size: EngineModelSize) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: size)
        for engine in try engines(model) {
            // Nothing to exchange.
            try engine.exchangeParametersWithAverage()
            #expect(try engine.parameters == model.parameters)
            try train(engine, on: model.minibatches, with: optimizer(.adam(), averaging: .mean))
            let (parameters, state) = (try engine.parameters, try engine.optimizerState)
            try engine.exchangeParametersWithAverage()
            #expect(try engine.parameters != parameters)
            for entry in try engine.parameters.entries {
                #expect(entry.values == state.slots["average.\(entry.name)"]?.values)
            }
            // What follows from the parameters has followed.
            var first = model.minibatches[0]
            first.continuesState = false
            let fresh = try CPUEngine(configuration: model.configuration, parameters: engine.parameters)
            let (actual, expected) = (try engine.evaluate(first), try fresh.evaluate(first))
            #expect(abs(actual / expected - 1) < (engine is CPUEngine ? 1e-12 : 1e-5))
            try engine.exchangeParametersWithAverage()
            #expect(try engine.parameters == parameters)
            #expect(try engine.optimizerState == state)
        }
    }

    @Test(arguments: Optimizer.Rule.all.indices) func aSingleBiasStaysSingle(rule: Int) throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: .init(T: 3, B: 4, V: 9, H: 5, L: 2, hasSingleBias: true))
        for engine in try engines(model) {
            try train(
                engine, on: model.minibatches,
                with: optimizer(.all[rule], averaging: .mean, weightDecay: 0.5))
            for layer in 0..<2 {
                let name = "rnn.bias_hh_l\(layer)"
                #expect(try engine.parameters[name]?.values.allSatisfy { $0 == 0 } == true)
                #expect(
                    try engine.optimizerState.slots["average.\(name)"]?.values.allSatisfy { $0 == 0 } == true)
            }
        }
    }

    @Test func aDivergedStepLeavesTheOptimizerAlone() throws {
        let model = try EngineModel(cell: ReLUCell.self, size: .init(T: 3, B: 2, V: 5, H: 8))
        var parameters = model.parameters
        for index in parameters.entries.indices where parameters.entries[index].name == "rnn.weight_hh_l0" {
            parameters.entries[index].values = parameters.entries[index].values.map { _ in 1e30 }
        }
        let engine = try CPUEngine(configuration: model.configuration, parameters: parameters)
        let optimizer = optimizer(.adam(), averaging: .mean)
        #expect(try !engine.train(on: model.minibatches[0], with: optimizer).isFinite)
        #expect(engine.optimizerState == OptimizerState())
        engine.exchangeParametersWithAverage()
        #expect(engine.parameters == parameters)
    }

    @Test func wrongStatesAreRefused() throws {
        let model = try EngineModel(cell: TanhCell.self, size: .init(T: 3, B: 2, V: 5, H: 8))
        let source = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
        try train(source, on: model.minibatches, with: optimizer(.adam(), averaging: .mean))
        let good = source.optimizerState
        func changed(_ change: (inout OptimizerState) -> Void) -> OptimizerState {
            var state = good
            change(&state)
            return state
        }
        let wrong: [(OptimizerState, String)] = [
            (changed { $0.steps = -1 }, "-1 steps"),
            (changed { $0.averagedSteps = -1 }, "-1 of them averaged"),
            (changed { $0.averagedSteps = 0 }, "0 of them averaged"),
            (changed { $0.steps = 0 }, "0 steps"),
            (changed { $0.slots.entries.removeAll { $0.name.hasPrefix("average.") } }, "average"),
            (
                changed { $0.slots.entries.removeAll { $0.name == "square.decoder.bias" } },
                "square.decoder.bias"
            ),
            (changed { $0.slots.entries[0].name = "momentum.other" }, "momentum.other"),
            (changed { $0.slots.entries[0].name = "other" }, "other"),
            (changed { $0.slots.entries[1].shape.append(1) }, good.slots.entries[1].name),
            (changed { $0.slots.entries[1].values.append(0) }, good.slots.entries[1].name),
            (changed { $0.slots.entries.append($0.slots.entries[0]) }, good.slots.entries[0].name),
        ]
        for engine in try engines(model) {
            try engine.restoreOptimizerState(good)
            for (state, name) in wrong {
                let error = #expect(throws: (any Error).self) { try engine.restoreOptimizerState(state) }
                #expect(error is EngineError || error is ModelError)
                #expect(error.map { "\($0)".contains(name) } == true, "\(name)")
                #expect(try engine.optimizerState == good)
            }
            try engine.restoreOptimizerState(OptimizerState())
            #expect(try engine.optimizerState == OptimizerState())
        }
    }

    @Test func senselessNumbersAreRefused() throws {
        let model = try EngineModel(cell: TanhCell.self, size: .init(T: 3, B: 2, V: 5, H: 8))
        let wrong: [(Optimizer, String)] = [
            (Optimizer(learningRate: -1), "learningRate"),
            (Optimizer(learningRate: .nan), "learningRate"),
            (Optimizer(maxGradientNorm: 0), "maxGradientNorm"),
            (Optimizer(weightDecay: -0.1), "weightDecay"),
            (Optimizer(weightDecay: .infinity), "weightDecay"),
            (Optimizer(rule: .momentum(1)), "momentum"),
            (Optimizer(rule: .nesterov(-0.5)), "momentum"),
            (Optimizer(rule: .rmsprop(decay: 1)), "decay"),
            (Optimizer(rule: .rmsprop(epsilon: 0)), "epsilon"),
            (Optimizer(rule: .adam(beta1: 1)), "beta1"),
            (Optimizer(rule: .adamw(beta2: .nan)), "beta2"),
            (Optimizer(rule: .adam(epsilon: .leastNonzeroMagnitude)), "epsilon"),
            (Optimizer(averaging: .exponential(decay: 1)), "averagingDecay"),
        ]
        for engine in try engines(model) {
            for (optimizer, name) in wrong {
                let error = #expect(throws: ParameterError.self) {
                    try engine.train(on: model.minibatches[0], with: optimizer)
                }
                #expect(error?.description.contains(name) == true, "\(name)")
                #expect(try engine.parameters == model.parameters)
            }
            _ = try engine.train(on: model.minibatches[0], with: Optimizer(learningRate: 0))
            #expect(try engine.parameters == model.parameters)
        }
    }

    @Test func theMemoryEstimateCountsSlots() {
        let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 512)
        func bytes(_ rule: Optimizer.Rule, _ averaging: Optimizer.Averaging = .none) -> Double {
            MemoryEstimate.bytes(
                configuration: configuration, vocabularySize: 100, sequenceLength: 2, batchSize: 2,
                optimizer: Optimizer(rule: rule, averaging: averaging))
        }
        let slot = bytes(.momentum()) - bytes(.sgd)
        // A slot and its copy, of 4 x 512 x (512 + 100) input and recurrent weights at least.
        #expect(slot > 2 * 4 * 4 * 512 * 612 && slot < 1.2 * 2 * 4 * 4 * 512 * 640)
        #expect(bytes(.adam()) - bytes(.sgd) == 2 * slot)
        #expect(bytes(.adam(), .mean) - bytes(.sgd) == 3 * slot)
    }
}
