import UnrollBase
import UnrollTensor

/// A recurrent network small enough for thousands of steps.
struct SmallNetwork: Sendable {
    let parameters: [Tensor]
    let state: Tensor
    private let inputs: [[Int32]]
    private let targets: [Int32]
    private static let vocabularySize = 7
    private static let batchSize = 3

    init(steps: Int, hiddenSize: Int = 5) throws {
        var random = RandomSource(seed: 4, purpose: .initialization)
        let v = Self.vocabularySize
        parameters = try [[v, hiddenSize], [hiddenSize, hiddenSize], [hiddenSize], [hiddenSize, v], [v]].map {
            try .normal($0, standardDeviation: 0.4, from: &random)
        }
        state = try .zeros([Self.batchSize, hiddenSize])
        inputs = (0..<steps).map { _ in (0..<Self.batchSize).map { _ in Int32(random.integer(below: v)) } }
        targets = (0..<steps * Self.batchSize).map { _ in Int32(random.integer(below: v)) }
    }

    /// The mean loss over all steps, and the state after them.
    func run(_ parameters: [Tensor], from state: Tensor) throws -> (loss: Tensor, state: Tensor) {
        var h = state
        var outputs: [Tensor] = []
        for tokens in inputs {
            h = try tanh(parameters[0].gathered(tokens) + matmul(h, parameters[1]) + parameters[2])
            outputs.append(h)
        }
        let logits = try matmul(concatenated(outputs), parameters[3]) + parameters[4]
        return (try softmaxCrossEntropy(logits, targets).mean(), h)
    }

    func loss(_ parameters: [Tensor]) throws -> Tensor {
        try run(parameters, from: state).loss
    }
}
