import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Everything that a training step leaves out at random, on both engines.
@Suite struct RegularizationTests {
    /// A regularization, alone and together.
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        var regularization = Regularization()
        var zoneout = Zoneout()
        var needsEmbedding = false
    }

    static let cases = [
        Case(testDescription: "dropout", regularization: Regularization(dropout: 0.4)),
        Case(
            testDescription: "variational dropout",
            regularization: Regularization(dropout: 0.4, usesVariationalDropout: true)),
        Case(
            testDescription: "embedding dropout", regularization: Regularization(embeddingDropout: 0.4),
            needsEmbedding: true),
        Case(testDescription: "weight drop", regularization: Regularization(weightDrop: 0.4)),
        Case(testDescription: "label smoothing", regularization: Regularization(labelSmoothing: 0.2)),
        Case(testDescription: "zoneout", zoneout: Zoneout(output: 0.2, memory: 0.4)),
        Case(testDescription: "zoneout of the memory", zoneout: Zoneout(memory: 0.4)),
        Case(
            testDescription: "everything",
            regularization: Regularization(dropout: 0.2, weightDrop: 0.3, labelSmoothing: 0.1),
            zoneout: Zoneout(output: 0.1, memory: 0.2)),
    ]

    /// One and several layers, narrow and wide decoders, shares by rows and by panels, a batch that is trained in parts.
    static let sizes = [
        EngineModelSize(T: 3, B: 1, V: 9, H: 33),
        EngineModelSize(T: 5, B: 21, V: 31, H: 35, L: 2, E: 7),
        EngineModelSize(T: 2, B: 3, V: 300, H: 31, L: 2, E: 31, isTied: true),
        EngineModelSize(T: 3, B: 9, V: 5, H: 260), EngineModelSize(T: 2, B: 130, V: 28, H: 31),
    ]

    static let cells: [any RecurrentCell.Type] = [TanhCell.self, LSTMCell.self, GRUCell.self, SplitCell.self]

    private static func randomness(_ item: Case, step: Int = 1) -> StepRandomness {
        StepRandomness(regularization: item.regularization, seed: 77, step: step)
    }

    @Test(arguments: cases, sizes) func theEnginesAgree(item: Case, size: EngineModelSize) throws {
        guard size.E != nil || !item.needsEmbedding else { return }
        for cell in Self.cells {
            let model = try EngineModel(cell: cell, size: size, zoneout: item.zoneout)
            let reference = try ReferenceEngine(
                configuration: model.configuration, parameters: model.parameters)
            for minibatch in model.minibatches {
                let expected = try reference.gradients(on: minibatch, randomness: Self.randomness(item))
                let nats = try reference.evaluate(minibatch)
                for (precision, level) in ConformanceTests.kernels where precision == .float32 {
                    let engine = try CPUEngine(
                        configuration: model.configuration, parameters: model.parameters, threads: 2,
                        kernelLevel: level)
                    for earlier in model.minibatches {
                        let (loss, gradients) = try engine.gradients(
                            on: earlier, randomness: Self.randomness(item))
                        let evaluated = try engine.evaluate(earlier)
                        guard earlier == minibatch else { continue }
                        #expect(abs(loss / expected.meanLoss - 1) < 1e-5, "\(cell.name) \(level)")
                        #expect(abs(evaluated / nats - 1) < 1e-5, "\(cell.name) \(level)")
                        for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) {
                            let scale = wanted.values.reduce(1e-9) { max($0, abs($1)) }
                            #expect(
                                greatestDifference(actual.values, wanted.values) / scale < 2e-5,
                                "\(cell.name) \(level) \(actual.name)")
                        }
                        break
                    }
                }
            }
        }
    }

    @Test(arguments: cases, sizes) func theNumberOfThreadsChangesNoBit(
        item: Case, size: EngineModelSize
    ) throws {
        guard size.E != nil || !item.needsEmbedding else { return }
        let model = try EngineModel(cell: LSTMCell.self, size: size, zoneout: item.zoneout)
        for (precision, level) in ConformanceTests.kernels {
            let runs = try [1, 2, 3].map { threads in
                let engine = try CPUEngine(
                    configuration: model.configuration, parameters: model.parameters, precision: precision,
                    threads: threads, kernelLevel: level)
                let losses = try (model.minibatches + model.minibatches).enumerated().map { step, minibatch in
                    try engine.train(
                        on: minibatch, with: Optimizer(learningRate: 0.1),
                        randomness: Self.randomness(item, step: step)
                    ).meanLoss
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

    /// What is random differs from step to step and from seed to seed, and is off without randomness and at evaluation.
    @Test(arguments: cases) func itActsInTrainingAlone(item: Case) throws {
        let size = EngineModelSize(T: 5, B: 6, V: 12, H: 20, L: 2, E: 7)
        let model = try EngineModel(cell: LSTMCell.self, size: size, zoneout: item.zoneout)
        let plain = try EngineModel(cell: LSTMCell.self, size: size)
        let minibatch = model.minibatches[0]
        let engine = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
        func gradients(_ randomness: StepRandomness?) throws -> NamedTensors<Double> {
            try engine.gradients(on: minibatch, randomness: randomness).gradients
        }
        let first = try gradients(Self.randomness(item))
        #expect(try gradients(Self.randomness(item)) == first)
        #expect(try gradients(nil) != first)
        let isRandom = item.regularization.labelSmoothing == 0 || item.regularization.dropout > 0
        #expect(try (gradients(Self.randomness(item, step: 2)) != first) == isRandom)

        let other = try CPUEngine(configuration: plain.configuration, parameters: plain.parameters)
        #expect(try (engine.evaluate(minibatch) == other.evaluate(minibatch)) == (item.zoneout == Zoneout()))
    }

    /// On the average over many masks, what is left over is what there was.
    @Test func dropoutKeepsTheExpectation() throws {
        let model = try EngineModel(
            cell: TanhCell.self, size: EngineModelSize(T: 2, B: 3, V: 5, H: 8))
        let engine = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let minibatch = model.minibatches[0]
        let expected = try engine.gradients(on: minibatch).gradients["decoder.bias"]?.values ?? []
        var mean = [Double](repeating: 0, count: expected.count)
        let steps = 2000
        for step in 0..<steps {
            let randomness = StepRandomness(regularization: Regularization(dropout: 0.1), step: step)
            let values = try engine.gradients(on: minibatch, randomness: randomness).gradients[
                "decoder.bias"]?
                .values
            for (index, value) in (values ?? []).enumerated() { mean[index] += value / Double(steps) }
        }
        // Softmax is not linear, so that a little of a bias is left.
        #expect(greatestDifference(mean, expected) < 0.01)
        #expect(greatestDifference(mean, expected) > 0)
    }

    @Test func impossibleSharesAreRefusedByName() throws {
        let model = try EngineModel(cell: TanhCell.self, size: EngineModelSize(T: 2, B: 3, V: 5, H: 8))
        let engines: [any Engine] = [
            try CPUEngine(configuration: model.configuration, parameters: model.parameters),
            try ReferenceEngine(configuration: model.configuration, parameters: model.parameters),
        ]
        let impossible: [(Regularization, String)] = [
            (Regularization(dropout: 1), "dropout"), (Regularization(dropout: -0.1), "dropout"),
            (Regularization(weightDrop: .nan), "weightDrop"),
            (Regularization(labelSmoothing: 2), "labelSmoothing"),
            (Regularization(embeddingDropout: 0.1), "embeddingSize"),
            (Regularization(usesVariationalDropout: true), "usesVariationalDropout"),
        ]
        for engine in engines {
            for (regularization, name) in impossible {
                let error = try #require(throws: ParameterError.self) {
                    try engine.train(
                        on: model.minibatches[0], with: Optimizer(),
                        randomness: StepRandomness(regularization: regularization))
                }
                #expect(error.description.contains(name))
            }
        }
        for zoneout in [Zoneout(output: 1), Zoneout(memory: -1), Zoneout(output: .nan)] {
            let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 8, zoneout: zoneout)
            let error = try #require(throws: ParameterError.self) { try configuration.check() }
            #expect(error.description.contains("zoneout"))
        }
    }
}

/// What PyTorch computed under the same masks; see `Tools/oracles/regularization_vectors.py`.
@Suite struct RegularizationOracleTests {
    struct Vectors: Decodable {
        let cell: String
        let sequenceLength, batchSize, vocabularySize, hiddenSize, layerCount, embeddingSize: Int
        let regularization: Regularization
        let zoneout: Zoneout
        let seed: String
        let step: Int
        let inputs, targets: [Int32]
        let loss: Double
        let parameters: [String: [Float]]
        let gradients: [String: [Double]]
    }

    @Test(arguments: [
        "dropout", "variational-dropout", "embedding-dropout", "weight-drop", "label-smoothing", "zoneout",
        "everything",
    ]) func theReferenceEngineAgreesWithPyTorch(name: String) throws {
        let url = try #require(
            Bundle.module.url(
                forResource: name, withExtension: "json", subdirectory: "Oracles/Regularization"))
        let vectors = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: url))
        let configuration = ModelConfiguration(
            cell: try #require(ModelConfiguration.builtInCells.first { $0.name == vectors.cell }),
            hiddenSize: vectors.hiddenSize, layerCount: vectors.layerCount,
            embeddingSize: vectors.embeddingSize, zoneout: vectors.zoneout)
        let parameters = ModelParameters(
            try configuration.parameterShapes(vocabularySize: vectors.vocabularySize).map { name, shape in
                .init(name: name, shape: shape, values: try #require(vectors.parameters[name]))
            })
        var minibatch = Minibatch()
        minibatch.reshape(
            sequenceLength: vectors.sequenceLength, batchSize: vectors.batchSize, continuesState: false)
        minibatch.inputs = vectors.inputs
        minibatch.targets = vectors.targets
        let randomness = StepRandomness(
            regularization: vectors.regularization, seed: try #require(UInt64(vectors.seed)),
            step: vectors.step)
        let engine = try ReferenceEngine(configuration: configuration, parameters: parameters)
        let (loss, gradients) = try engine.gradients(on: minibatch, randomness: randomness)
        // What is kept is scaled by a number of single precision.
        #expect(abs(loss - vectors.loss) < 1e-7)
        for entry in gradients.entries {
            let expected = try #require(vectors.gradients[entry.name])
            #expect(greatestDifference(entry.values, expected) < 1e-7, "\(entry.name)")
        }
    }
}
