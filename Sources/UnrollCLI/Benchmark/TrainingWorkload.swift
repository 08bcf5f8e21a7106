import Foundation
import Unroll

/// A model and the minibatches that it is trained on.
struct TrainingWorkload {
    var configuration: ModelConfiguration
    /// 26 letters, the space and `<unk>`, unless said otherwise.
    var vocabularySize = 28
    var batchSize = 32
    var sequenceLength = 35

    /// "RNN from scratch".
    static let rnn512 = Self(configuration: .init(cell: TanhCell.self, hiddenSize: 512))
    /// The slides of the same chapter.
    static let rnn32 = Self(
        configuration: .init(cell: TanhCell.self, hiddenSize: 32), batchSize: 1024, sequenceLength: 32)
    /// The concise version in Gluon.
    static let rnn256ReLU = Self(configuration: .init(cell: ReLUCell.self, hiddenSize: 256))
    static let lstm512 = Self(configuration: .init(cell: LSTMCell.self, hiddenSize: 512))
    static let gru512 = Self(configuration: .init(cell: GRUCell.self, hiddenSize: 512))
    /// As large as a model of characters gets that is still trained without an accelerator.
    static let lstm1024x2 = Self(
        configuration: .init(cell: LSTMCell.self, hiddenSize: 1024, layerCount: 2), batchSize: 64,
        sequenceLength: 100)
    /// A cell that the library does not know.
    static let custom512 = Self(configuration: .init(cell: MinimalGatedUnit.self, hiddenSize: 512))
    /// A model of words, in which the decoder is most of the work.
    static let words = Self(
        configuration: .init(cell: LSTMCell.self, hiddenSize: 512, embeddingSize: 512),
        vocabularySize: 20_000)

    /// Floating-point operations of a training step per token: three products, each a multiplication and an addition,
    /// for every weight that is multiplied by something.
    ///
    /// One-hot vectors only choose a row and count as nothing. The first layer's product with an embedding counts in
    /// full, as a framework computes it, even where an engine finds a shorter way.
    var operationsPerToken: Double {
        let hidden = Double(configuration.hiddenSize)
        let gates = hidden * Double(configuration.cell.gates.count)
        let recurrent = gates * hidden * Double(configuration.layerCount)
        let inputs =
            gates * Double(configuration.embeddingSize ?? 0)
            + gates * hidden * Double(configuration.layerCount - 1)
        return 6 * (recurrent + inputs + hidden * Double(vocabularySize))
    }

    /// Random parameters.
    var parameters: ModelParameters {
        get throws {
            try ModelParameters(
                for: configuration, vocabularySize: vocabularySize, initializer: .uniform, seed: 0)
        }
    }

    /// A minibatch of random tokens: letters are drawn evenly, words nearly as Zipf has it.
    var minibatch: Minibatch {
        var source = RandomSource(seed: 0, purpose: .partitioning)
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: true)
        for index in minibatch.inputs.indices {
            minibatch.inputs[index] = token(at: source.uniform())
            minibatch.targets[index] = token(at: source.uniform())
        }
        return minibatch
    }

    /// The token at a point of the line from 0 to 1 that all tokens share.
    private func token(at point: Double) -> Int32 {
        let count = Double(vocabularySize)
        // The share of the token of rank r is log(1 + 1 / r) / log(V + 1), which is close to being in proportion to 1 / r.
        return Int32(configuration.embeddingSize == nil ? count * point : pow(count + 1, point) - 1)
    }
}
