import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// A model and the minibatches that it is trained on, under a name of `unroll benchmark` where it is one of those.
struct Workload {
    let name: String
    let configuration: ModelConfiguration
    let T: Int
    let B: Int

    /// Whether it is trained; otherwise it generates.
    var isTraining: Bool { !name.hasPrefix("generate") }

    /// Tokens of the model: 26 letters, the space and `<unk>`.
    static let vocabularySize = 28

    private init(
        _ name: String, _ cell: any RecurrentCell.Type, H: Int, L: Int = 1, T: Int = 35, B: Int = 32
    ) {
        (self.name, self.T, self.B) = (name, T, B)
        configuration = ModelConfiguration(cell: cell, hiddenSize: H, layerCount: L)
    }

    /// Small ones first.
    static let training = [
        Workload("rnn512", TanhCell.self, H: 512), Workload("rnn256-relu", ReLUCell.self, H: 256),
        Workload("lstm512", LSTMCell.self, H: 512),
        Workload("lstm512-long", LSTMCell.self, H: 512, T: 100, B: 64),
        Workload("gru512", GRUCell.self, H: 512), Workload("custom512", MinimalGatedUnit.self, H: 512),
        Workload("lstm1024", LSTMCell.self, H: 1024, T: 100),
        Workload("lstm1024x2", LSTMCell.self, H: 1024, L: 2, T: 100, B: 64),
        Workload("rnn512-wide", TanhCell.self, H: 512, B: 512),
        Workload("lstm512-wide", LSTMCell.self, H: 512, B: 512),
        Workload("gru512-wide", GRUCell.self, H: 512, B: 512),
        Workload("custom512-wide", MinimalGatedUnit.self, H: 512, B: 512),
    ]

    /// Models that generate, one text and 64 at once.
    static let generation = [1, 64].flatMap { B in
        [
            Workload("generate-rnn512", TanhCell.self, H: 512, T: 1, B: B),
            Workload("generate-lstm512", LSTMCell.self, H: 512, T: 1, B: B),
        ]
    }

    /// Random parameters.
    func parameters() throws -> ModelParameters {
        try ModelParameters(
            for: configuration, vocabularySize: Self.vocabularySize, initializer: .uniform, seed: 0)
    }

    /// Steps on different minibatches of random tokens, with a learning rate that leaves the parameters as they are.
    func steps(count: Int) -> [TrainingStep] {
        var source = RandomSource(seed: 0, purpose: .partitioning)
        return (0..<count).map { _ in
            var step = TrainingStep(optimizer: Optimizer(learningRate: 1e-6))
            step.minibatch.reshape(sequenceLength: T, batchSize: B, continuesState: true)
            for index in step.minibatch.inputs.indices {
                step.minibatch.inputs[index] = Int32(source.integer(below: Self.vocabularySize))
                step.minibatch.targets[index] = Int32(source.integer(below: Self.vocabularySize))
            }
            return step
        }
    }
}
