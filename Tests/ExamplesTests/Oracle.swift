import Foundation
import Testing
import Unroll

/// What another implementation computed for one small model; see `Tools/oracles/scratch_vectors.py`.
struct Oracle: Decodable {
    let sequenceLength: Int
    let batchSize: Int
    let vocabularySize: Int
    let hiddenSize: Int
    let inputs: [Int32]
    let targets: [Int32]
    /// Under PyTorch's names.
    let parameters: [String: [Float]]
    let initialState: [String: [Float]]
    let logits: [Double]
    let finalState: [String: [Double]]
    let loss: Double
    /// Of parameters and initial states.
    let gradients: [String: [Float]]

    static func named(_ name: String) throws -> Oracle {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Oracles"))
        return try JSONDecoder().decode(Oracle.self, from: Data(contentsOf: url))
    }

    var minibatch: Minibatch {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: false)
        minibatch.inputs = inputs
        minibatch.targets = targets
        return minibatch
    }

    /// Some states as tensors, `[B, H]`.
    func states(_ names: [String], from values: [String: [Float]]) throws -> [Tensor] {
        try names.map { try Tensor(#require(values[$0]), shape: [batchSize, hiddenSize]) }
    }

    /// Parameters, or their gradients, one gate after the other.
    func gates(from values: [String: [Float]]) throws -> GateTensors {
        func blocks(_ name: String, columns: Int) throws -> [Tensor] {
            let values = try #require(values[name])
            let count = values.count / (hiddenSize * columns)
            let all = try Tensor(values, shape: [count, hiddenSize, columns])
            return try (0..<count).map { try all[$0].transposed() }
        }
        func biases(_ name: String) throws -> [Tensor] {
            try blocks(name, columns: 1).map { try $0.reshaped(to: [hiddenSize]) }
        }
        return GateTensors(
            inputWeights: try blocks("rnn.weight_ih_l0", columns: vocabularySize),
            hiddenWeights: try blocks("rnn.weight_hh_l0", columns: hiddenSize),
            inputBiases: try biases("rnn.bias_ih_l0"), hiddenBiases: try biases("rnn.bias_hh_l0"),
            output: [
                try Tensor(#require(values["decoder.weight"]), shape: [vocabularySize, hiddenSize])
                    .transposed(),
                try Tensor(#require(values["decoder.bias"]), shape: [vocabularySize]),
            ])
    }
}

/// PyTorch's tensors as the chapter has them: a matrix for each gate, rows for what goes in.
struct GateTensors {
    /// `[V, H]` for each gate.
    let inputWeights: [Tensor]
    /// `[H, H]` for each gate.
    let hiddenWeights: [Tensor]
    /// `[H]` for each gate.
    let inputBiases: [Tensor]
    /// `[H]` for each gate.
    let hiddenBiases: [Tensor]
    /// `[H, V]` and `[V]`.
    let output: [Tensor]
}
