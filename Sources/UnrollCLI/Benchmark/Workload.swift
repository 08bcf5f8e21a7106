import ArgumentParser
import Unroll

/// A training step that is measured, by the name that research and rivals use for it.
enum Workload: String, CaseIterable, ExpressibleByArgument {
    /// "RNN from scratch": tanh, H 512, B 32, T 35.
    case rnn512
    /// The slides of the same chapter: tanh, H 32, B 1024, T 32.
    case rnn32
    /// The concise version in Gluon: ReLU, H 256, B 32, T 35.
    case rnn256ReLU = "rnn256-relu"
    /// Long short-term memory: H 512, B 32, T 35.
    case lstm512
    /// Gated recurrent units: H 512, B 32, T 35.
    case gru512

    /// 26 letters, the space and `<unk>`.
    static let vocabularySize = 28

    var configuration: ModelConfiguration {
        switch self {
        case .rnn512: ModelConfiguration(cell: TanhCell.self, hiddenSize: 512)
        case .rnn32: ModelConfiguration(cell: TanhCell.self, hiddenSize: 32)
        case .rnn256ReLU: ModelConfiguration(cell: ReLUCell.self, hiddenSize: 256)
        case .lstm512: ModelConfiguration(cell: LSTMCell.self, hiddenSize: 512)
        case .gru512: ModelConfiguration(cell: GRUCell.self, hiddenSize: 512)
        }
    }

    var batchSize: Int { self == .rnn32 ? 1024 : 32 }

    var timeSteps: Int { self == .rnn32 ? 32 : 35 }

    /// Floating-point operations of a training step per token: three matrix products for each weight that is not a
    /// mere row of the one-hot input.
    var operationsPerToken: Double {
        let hidden = Double(configuration.hiddenSize)
        return 6 * hidden * (Double(configuration.cell.gates.count) * hidden + Double(Self.vocabularySize))
    }

    /// A minibatch of random letters.
    var minibatch: Minibatch {
        var source = RandomSource(seed: 0, purpose: .partitioning)
        var minibatch = Minibatch()
        minibatch.reshape(timeSteps: timeSteps, batchSize: batchSize, continuesState: true)
        for index in minibatch.inputs.indices {
            minibatch.inputs[index] = Int32(source.integer(below: Self.vocabularySize))
            minibatch.targets[index] = Int32(source.integer(below: Self.vocabularySize))
        }
        return minibatch
    }
}
