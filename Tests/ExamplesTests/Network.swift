import Chapter
import GRUFromScratch
import LSTMFromScratch
import Unroll

/// A network as the chapter calls it.
typealias Forward = (Tensor, [Tensor], [Tensor]) throws -> (outputs: Tensor, state: [Tensor])

/// The networks of the examples.
enum Network: String, CaseIterable {
    case rnn, lstm, gruBefore, gruAfter

    var forward: Forward {
        switch self {
        case .rnn: Chapter.rnn
        case .lstm: LSTMFromScratch.lstm
        case .gruBefore: gru(reset: .before)
        case .gruAfter: gru(reset: .after)
        }
    }

    func parameters(vocabularySize: Int, hiddenSize: Int, seed: UInt64) throws -> [Tensor] {
        switch self {
        case .rnn: try rnnParameters(vocabularySize: vocabularySize, hiddenSize: hiddenSize, seed: seed)
        case .lstm: try lstmParameters(vocabularySize: vocabularySize, hiddenSize: hiddenSize, seed: seed)
        case .gruBefore, .gruAfter:
            try gruParameters(vocabularySize: vocabularySize, hiddenSize: hiddenSize, seed: seed)
        }
    }

    func state(batchSize: Int, hiddenSize: Int) throws -> [Tensor] {
        self == .lstm
            ? try lstmState(batchSize: batchSize, hiddenSize: hiddenSize)
            : try rnnState(batchSize: batchSize, hiddenSize: hiddenSize)
    }

    func model(_ vocabulary: Vocabulary, hiddenSize: Int) throws -> ScratchModel {
        try ScratchModel(
            vocabulary: vocabulary, hiddenSize: hiddenSize, parameters: parameters, initialState: state,
            forward: forward)
    }
}
