import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// What bfloat16 must not change: numbers that it holds exactly, and what a model learns.
@Suite struct PrecisionTests {
    /// Whole numbers of up to eight bits are exact in bfloat16, and so are their products in float32: here every state
    /// and logit must be as in float32, where a tolerance might not see one unit or row taken for another; and no
    /// rectifier's gradient can switch on or off.
    @Test(arguments: [
        EngineModelSize(T: 5, B: 1, V: 9, H: 7), .init(T: 3, B: 7, V: 33, H: 33),
        .init(T: 4, B: 33, V: 31, H: 7), .init(T: 3, B: 9, V: 257, H: 65), .init(T: 2, B: 3, V: 5, H: 257),
        .init(T: 3, B: 5, V: 9, H: 31, L: 2), .init(T: 3, B: 4, V: 300, H: 33, L: 2, E: 5),
        .init(T: 3, B: 3, V: 28, H: 31, E: 31, isTied: true),
    ])
    func wholeNumbersAreExact(size: EngineModelSize) throws {
        let model = try EngineModel(cell: ReLUCell.self, size: size)
        let parameters = wholeNumbers(like: model.parameters)
        let expected = try CPUEngine(configuration: model.configuration, parameters: parameters)
        let engines = try KernelLevel.available(for: .bfloat16).map {
            try CPUEngine(
                configuration: model.configuration, parameters: parameters, precision: .bfloat16, threads: 2,
                kernelLevel: $0)
        }
        for minibatch in model.minibatches.prefix(2) {
            let gradients = try expected.gradients(on: minibatch).gradients
            let nats = try expected.evaluate(minibatch)
            let states = expected.state.entries.flatMap(\.values)
            #expect(states.contains { $0 != 0 } && states.allSatisfy { $0 <= 256 })
            for engine in engines {
                for (actual, wanted) in zip(
                    try engine.gradients(on: minibatch).gradients.entries, gradients.entries)
                {
                    let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
                    #expect(
                        greatestDifference(actual.values, wanted.values) / scale < 1e-2,
                        "\(engine.kernelLevel) \(actual.name)")
                }
                let actual = try engine.evaluate(minibatch)
                #expect(abs(actual / nats - 1) < 1e-5, "\(engine.kernelLevel)")
                #expect(engine.state == expected.state, "\(engine.kernelLevel)")
            }
        }
    }

    /// Few and small ones, so that sums over units and steps stay small.
    private func wholeNumbers(like parameters: ModelParameters) -> ModelParameters {
        var parameters = parameters
        var source = RandomSource(seed: 1, purpose: .initialization)
        for index in parameters.entries.indices {
            let entry = parameters.entries[index]
            let isSparse = entry.name.contains("weight_hh") || entry.name.contains("weight_ih")
            let columns = entry.shape.last ?? 1
            parameters.entries[index].values = entry.values.map { _ in
                let isKept = !isSparse || source.integer(below: columns) < 2
                return isKept ? Float(source.integer(below: 3)) - 1 : 0
            }
        }
        return parameters
    }

    /// The bundled story, read over and over.
    private func minibatches(count: Int, sequenceLength: Int, batchSize: Int) throws -> (Int, [Minibatch]) {
        let corpus = try Corpus(
            text: String(decoding: SampleText.utf8.prefix(12_000), as: UTF8.self), preprocessing: .letters)
        let source = try Partitioning.sequential.minibatches(
            of: corpus.tokens, batchSize: batchSize, sequenceLength: sequenceLength, seed: 1, epoch: 0)
        let minibatches = (0..<count).map { index in
            var minibatch = Minibatch()
            source.fill(&minibatch, at: index % source.count)
            return minibatch
        }
        return (corpus.vocabulary.count, minibatches)
    }

    @Test(arguments: [TanhCell.self, LSTMCell.self, GRUCell.self] as [any RecurrentCell.Type])
    func theLossFallsAsInFloat32(cell: any RecurrentCell.Type) throws {
        let (vocabularySize, minibatches) = try minibatches(count: 200, sequenceLength: 20, batchSize: 16)
        let configuration = ModelConfiguration(cell: cell, hiddenSize: 96)
        let parameters = try ModelParameters(
            for: configuration, vocabularySize: vocabularySize, initializer: .uniform, seed: 1)
        let curves = try Precision.trainable.map { precision in
            let engine = try CPUEngine(
                configuration: configuration, parameters: parameters, precision: precision)
            return try minibatches.map {
                try engine.train(on: $0, with: Optimizer(learningRate: 1, maxGradientNorm: 1)).meanLoss
            }
        }
        for end in stride(from: 20, through: 200, by: 20) {
            let means = curves.map { $0[end - 20..<end].reduce(0, +) / 20 }
            #expect(abs(means[1] / means[0] - 1) < 0.01, "steps to \(end): \(means)")
        }
        // Something has been learned.
        #expect(curves[1].suffix(20).reduce(0, +) / 20 < 0.8 * curves[1][0])
    }
}
