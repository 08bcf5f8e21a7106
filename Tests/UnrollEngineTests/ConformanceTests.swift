import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// The CPU engine against the reference engine, in every precision on every kernel level that this processor has.
@Suite struct ConformanceTests {
    static let cells = EngineModel.cells

    /// Every precision on every level.
    static let kernels = Precision.trainable.flatMap { precision in
        KernelLevel.available(for: precision).map { (precision: precision, level: $0) }
    }

    static let sizes = [
        EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 7, B: 1, V: 28, H: 31),
        EngineModelSize(T: 3, B: 1, V: 9, H: 200),
        EngineModelSize(T: 3, B: 7, V: 33, H: 33),
        EngineModelSize(T: 11, B: 33, V: 31, H: 7), EngineModelSize(T: 2, B: 31, V: 257, H: 65),
        EngineModelSize(T: 4, B: 9, V: 5, H: 257),
    ]

    /// Several layers, embeddings and tied weights; vocabularies that a minibatch does not exhaust.
    static let stacks = [
        EngineModelSize(T: 1, B: 1, V: 2, H: 1, L: 2),
        EngineModelSize(T: 3, B: 2, V: 2, H: 1, E: 1, isTied: true),
        EngineModelSize(T: 5, B: 3, V: 7, H: 33, L: 2), EngineModelSize(T: 4, B: 7, V: 9, H: 7, L: 3),
        EngineModelSize(T: 3, B: 5, V: 33, H: 31, E: 5), EngineModelSize(T: 2, B: 3, V: 1000, H: 7, E: 33),
        EngineModelSize(T: 5, B: 2, V: 31, H: 7, L: 2, E: 33),
        EngineModelSize(T: 3, B: 4, V: 65, H: 65, L: 3, E: 5),
        EngineModelSize(T: 4, B: 3, V: 28, H: 31, E: 31, isTied: true),
        EngineModelSize(T: 2, B: 9, V: 1000, H: 33, L: 2, E: 33, isTied: true),
        EngineModelSize(T: 5, B: 3, V: 7, H: 33, L: 2, hasSingleBias: true),
    ]

    @Test(arguments: cells.indices, sizes + stacks)
    func lossAndGradientsAgreeWithTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for (precision, level) in Self.kernels {
            let name = "\(precision) \(level)"
            let expected = try model.reference(in: precision)
            for threads in [1, 2] {
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters,
                    precision: precision, threads: threads, kernelLevel: level)
                for (minibatch, expected) in zip(model.minibatches, expected) {
                    let (loss, gradients) = try engine.gradients(on: minibatch)
                    #expect(abs(loss / expected.meanLoss - 1) < precision.tolerance.loss, "\(name) loss")
                    for (actual, wanted) in zip(gradients.entries, expected.gradients.entries)
                    where precision == .float32 || !EngineModel.isKinked(Self.cells[cell]) {
                        // Relative to the tensor's greatest element: single elements can cancel to nothing.
                        let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
                        #expect(
                            greatestDifference(actual.values, wanted.values) / scale
                                < precision.tolerance.gradient,
                            "\(name) \(threads) \(actual.name)")
                    }
                    let nats = try engine.evaluate(minibatch)
                    let mean = nats / Double(minibatch.tokenCount)
                    #expect(abs(mean / expected.meanLoss - 1) < precision.tolerance.loss, "\(name)")
                }
            }
        }
    }

    @Test(arguments: cells.indices, sizes + stacks)
    func oneAndTwoThreadsAgreeInEveryBit(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for (precision, level) in Self.kernels {
            let runs = try [1, 2, 3].map { threads in
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters,
                    precision: precision, threads: threads, kernelLevel: level)
                let losses = try (model.minibatches + model.minibatches).map {
                    try engine.train(on: $0, with: Optimizer(learningRate: 0.1)).meanLoss
                }
                return (losses: losses, parameters: engine.parameters, state: engine.state)
            }
            for run in runs.dropFirst() {
                #expect(run.losses == runs[0].losses, "\(precision) \(level)")
                #expect(run.parameters == runs[0].parameters, "\(precision) \(level)")
                #expect(run.state == runs[0].state, "\(precision) \(level)")
            }
        }
    }

    @Test(
        arguments: cells.indices,
        [
            EngineModelSize(T: 5, B: 6, V: 12, H: 20), EngineModelSize(T: 5, B: 6, V: 40, H: 20, L: 2, E: 7),
            EngineModelSize(T: 5, B: 6, V: 40, H: 20, L: 2, E: 20, isTied: true),
        ])
    func trainingFollowsTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
        for _ in 0..<4 {
            for minibatch in model.minibatches {
                let expected = try reference.train(on: minibatch, with: Optimizer(learningRate: 0.2))
                let actual = try engine.train(on: minibatch, with: Optimizer(learningRate: 0.2))
                #expect(abs(actual.meanLoss / expected.meanLoss - 1) < 1e-4)
                #expect(abs(actual.gradientNorm / expected.gradientNorm - 1) < 1e-3)
            }
        }
    }

    @Test(
        arguments: cells.indices,
        [
            EngineModelSize(T: 6, B: 1, V: 40, H: 33), EngineModelSize(T: 6, B: 1, V: 40, H: 33, L: 3),
            EngineModelSize(T: 6, B: 1, V: 40, H: 7, L: 2, E: 33),
            EngineModelSize(T: 6, B: 1, V: 40, H: 33, L: 2, E: 33, isTied: true),
        ])
    func advancingTokenByTokenEqualsEvaluating(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engines = try Precision.trainable.map { precision in
            let engine = try CPUEngine(
                configuration: model.configuration, parameters: model.parameters, precision: precision)
            // A sum in another order may round to the next bfloat16.
            return (engine as any Engine, precision == .float32 ? 1e-5 : 2e-3)
        }
        for (engine, tolerance) in [(reference as any Engine, 1e-5)] + engines {
            for minibatch in model.minibatches {
                let saved = try engine.state
                let whole = try engine.evaluate(minibatch)
                let after = try engine.state
                try engine.restoreState(minibatch.continuesState ? saved : NamedTensors())
                var sum = 0.0
                var logits: [Float] = []
                for (input, target) in zip(minibatch.inputs, minibatch.targets) {
                    try engine.advance(input, logits: &logits)
                    sum += negativeLogLikelihood(of: Int(target), logits: logits)
                }
                #expect(abs(sum / whole - 1) < tolerance)
                for (actual, wanted) in zip(try engine.state.entries, after.entries) {
                    #expect(
                        greatestDifference(actual.values.map(Double.init), wanted.values.map(Double.init))
                            < tolerance)
                }
            }
        }
    }

    /// Embedding rows that only the first minibatch has touched, among others.
    @Test(arguments: [1, 2], [nil, 5, 10])
    func aMinibatchOfAnotherShapeLeavesNothingBehind(layers: Int, embedding: Int?) throws {
        func model(T: Int, B: Int) throws -> EngineModel {
            try EngineModel(
                cell: LSTMCell.self,
                size: EngineModelSize(
                    T: T, B: B, V: 90, H: 10, L: layers, E: embedding, isTied: embedding == 10))
        }
        let small = try model(T: 2, B: 3)
        let large = try model(T: 9, B: 17)
        for precision in Precision.trainable {
            let (fresh, used) = (
                try CPUEngine(
                    configuration: small.configuration, parameters: small.parameters, precision: precision),
                try CPUEngine(
                    configuration: small.configuration, parameters: small.parameters, precision: precision)
            )
            _ = try used.gradients(on: large.minibatches[0])
            let expected = try fresh.gradients(on: small.minibatches[0])
            let actual = try used.gradients(on: small.minibatches[0])
            #expect(actual.meanLoss == expected.meanLoss, "\(precision)")
            #expect(actual.gradients == expected.gradients, "\(precision)")
        }
    }

    @Test(arguments: [1, 3], Precision.trainable)
    func aRestoredStateGoesOnInEveryBit(layers: Int, precision: Precision) throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 4, B: 5, V: 9, H: 33, L: layers))
        let engine = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision)
        _ = try engine.evaluate(model.minibatches[0])
        let other = try CPUEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision)
        #expect(engine.state.entries.map(\.shape) == [[layers, 5, 33], [layers, 5, 33]])
        try other.restoreState(engine.state)
        #expect(try other.evaluate(model.minibatches[1]) == engine.evaluate(model.minibatches[1]))
    }

    @Test(arguments: [1, 3]) func aResetStateIsZero(layers: Int) throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 4, B: 5, V: 9, H: 33, L: layers))
        var fromZeros = model.minibatches[0]
        fromZeros.continuesState = false
        var goingOn = model.minibatches[0]
        goingOn.continuesState = true
        for engine in [
            try CPUEngine(configuration: model.configuration, parameters: model.parameters),
            try ReferenceEngine(configuration: model.configuration, parameters: model.parameters),
        ] as [any Engine] {
            let expected = try engine.evaluate(fromZeros)
            #expect(try engine.evaluate(goingOn) != expected)
            try engine.resetState()
            #expect(try engine.state.entries.isEmpty)
            #expect(try engine.evaluate(goingOn) == expected)
        }
    }

    /// Units that pad a panel have gates of zero, whose logarithm and quotients no real unit has.
    @Test(arguments: [33, 64], Precision.trainable)
    func whatAFormulaMakesOfPaddingIsSeenNowhere(hiddenSize: Int, precision: Precision) throws {
        enum Pole: RecurrentCell {
            static let name = "pole"
            static let gates = ["a", "b"]
            static let states = ["h", "c"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                let c = log(gates.a) + 0.5 * gates.hidden.b / gates.b
                return ["h": 0.2 * c - 0.1 * sqrt(gates.b), "c": c + 0.1 * previous.c]
            }
        }
        for layers in [1, 2] {
            var model = try EngineModel(
                cell: Pole.self, size: EngineModelSize(T: 4, B: 3, V: 9, H: hiddenSize, L: layers))
            model.raiseBiases(by: 3)
            let engine = try CPUEngine(
                configuration: model.configuration, parameters: model.parameters, precision: precision)
            for (minibatch, expected) in zip(model.minibatches, try model.reference(in: precision)) {
                let (loss, gradients) = try engine.gradients(on: minibatch)
                #expect(abs(loss / expected.meanLoss - 1) < precision.tolerance.loss)
                for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) {
                    let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
                    #expect(
                        greatestDifference(actual.values, wanted.values) / scale
                            < precision.tolerance.gradient, "\(actual.name)")
                }
                _ = try engine.evaluate(minibatch)
            }
        }
    }

    /// A logarithm of a negative number is a loss that is not finite, like any other.
    @Test func aDomainErrorIsALossThatIsNotFinite() throws {
        enum Logarithm: RecurrentCell {
            static let name = "logarithm"
            static let gates = ["z"]
            static let states = ["h"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": log(gates.z)]
            }
        }
        let model = try EngineModel(cell: Logarithm.self, size: EngineModelSize(T: 3, B: 2, V: 5, H: 8))
        for engine in [
            try CPUEngine(configuration: model.configuration, parameters: model.parameters),
            try ReferenceEngine(configuration: model.configuration, parameters: model.parameters),
        ] as [any Engine] {
            let before = try engine.parameters
            let result = try engine.train(on: model.minibatches[0], with: Optimizer())
            #expect(!result.isFinite)
            #expect(try engine.parameters == before)
        }
    }

    @Test(arguments: Precision.trainable)
    func aDivergedStepLeavesParametersAndStateAlone(precision: Precision) throws {
        let model = try EngineModel(cell: ReLUCell.self, size: EngineModelSize(T: 3, B: 2, V: 5, H: 8))
        var parameters = model.parameters
        for index in parameters.entries.indices where parameters.entries[index].name == "rnn.weight_hh_l0" {
            parameters.entries[index].values = parameters.entries[index].values.map { _ in 1e30 }
        }
        let engine = try CPUEngine(
            configuration: model.configuration, parameters: parameters, precision: precision)
        // A single step from zeros leaves a state that is still finite.
        var first = Minibatch()
        first.reshape(sequenceLength: 1, batchSize: 2, continuesState: false)
        _ = try engine.evaluate(first)
        let state = engine.state
        let result = try engine.train(on: model.minibatches[1], with: Optimizer())
        #expect(!result.isFinite)
        #expect(engine.parameters == parameters)
        #expect(engine.state == state)
    }
}

extension Precision {
    /// How far losses and, relative to a tensor's greatest element, gradients may be from those of double precision.
    ///
    /// In bfloat16 every factor has an error of up to 2⁻⁹, and in the smallest models most of a sum cancels.
    fileprivate var tolerance: (loss: Double, gradient: Double) {
        switch self {
        case .float32: (1e-5, 1e-5)
        case .bfloat16, .int8: (2e-3, 3e-2)
        }
    }
}
