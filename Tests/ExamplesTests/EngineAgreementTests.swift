import Chapter
import Foundation
import Testing
import Unroll

/// The chapter's code and the engine train the same network: what a reader writes is what the command runs.
@Suite struct EngineAgreementTests {
    /// The networks that both have.
    enum Recurrence: String, CaseIterable {
        case tanh, relu

        var cell: any RecurrentCell.Type { self == .tanh ? TanhCell.self : ReLUCell.self }

        var forward: Forward {
            switch self {
            case .tanh: rnn
            case .relu: reluRNN
            }
        }

        /// What keeps rounding small for fifty steps.
        ///
        /// ReLU's derivative jumps, so that the last bit of a number can decide over it, and training at a rate of 1
        /// makes much of that, in double precision too.
        var learningRate: Float { self == .tanh ? 0.5 : 0.01 }
    }

    @Test(arguments: Recurrence.allCases, [Sampling.sequential, .random])
    func fiftyStepsAgree(recurrence: Recurrence, sampling: Sampling) throws {
        let (hiddenSize, steps) = (64, 50)
        let corpus = try Story.corpus()
        let minibatches = try Story.minibatches(steps, of: corpus, sampling: sampling)
        let configuration = ModelConfiguration(cell: recurrence.cell, hiddenSize: hiddenSize)
        // Biases of the uniform start are not zero, so that none can stand for another; with a larger decoder, some
        // gradients need clipping.
        var start = try Parameters(
            for: configuration, vocabularySize: corpus.vocabulary.count, initializer: .uniform, seed: 4)
        for index in start.entries.indices where start.entries[index].name == "decoder.weight" {
            start.entries[index].values = start.entries[index].values.map { 6 * $0 }
        }

        let engine = try CPUEngine(configuration: configuration, parameters: start)
        let optimizer = Optimizer(learningRate: recurrence.learningRate, gradientNormBound: 1)
        let expected = try minibatches.all.map { try engine.train(on: $0, with: optimizer) }

        var logits: [Tensor] = []
        var model = try ScratchModel(
            vocabulary: corpus.vocabulary, hiddenSize: hiddenSize,
            parameters: { _, _, _ in try scratchTensors(start) }, initialState: rnnState
        ) { inputs, state, parameters in
            let result = try withTwoBiases(recurrence.forward)(inputs, state, parameters)
            logits.append(result.outputs.detached())
            return result
        }
        let (perplexity, _) = try trainEpoch(
            &model, on: minibatches, learningRate: recurrence.learningRate)

        try #require(logits.count == steps)
        for (step, result) in expected.enumerated() {
            let targets = minibatches.all[step].targets
            let loss = Double(try softmaxCrossEntropy(logits[step], targets).mean().scalar())
            #expect(abs(loss / result.meanLoss - 1) < 1e-4, "step \(step)")
        }
        // Every minibatch has as many tokens as the others.
        let meanLoss = expected.reduce(0) { $0 + $1.meanLoss } / Double(steps)
        #expect(abs(log(perplexity) / meanLoss - 1) < 1e-4)
        let trained = try scratchTensors(engine.parameters)
        for (index, (tensor, expected)) in zip(model.parameters, trained).enumerated() {
            #expect(greatestDifference(tensor, expected) < 1e-4, "tensor \(index)")
        }
        // Both kinds of steps occurred: those that clipping shortens and those that it leaves alone.
        #expect(expected.contains { $0.gradientNorm > 1 })
        #expect(expected.contains { $0.gradientNorm < 1 })
    }
}

/// The chapter's network with one word changed.
private func reluRNN(
    _ inputs: Tensor, _ state: [Tensor], _ parameters: [Tensor]
) throws -> (outputs: Tensor, state: [Tensor]) {
    let (wxh, whh, bh, whq, bq) = (parameters[0], parameters[1], parameters[2], parameters[3], parameters[4])
    var h = state[0]
    var outputs: [Tensor] = []
    for t in 0..<inputs.shape[0] {
        h = try relu(matmul(inputs[t], wxh) + matmul(h, whh) + bh)
        outputs.append(try matmul(h, whq) + bq)
    }
    return (try concatenated(outputs), [h])
}

/// The network whose b_h is the sum of two parameters, as the engine's is.
///
/// With one alone, a step of training would move it half as far as the engine moves the sum, and its gradient would
/// count once instead of twice in the norm that clipping looks at.
private func withTwoBiases(_ forward: @escaping Forward) -> Forward {
    { inputs, state, parameters in
        let bh = try parameters[2] + parameters[3]
        return try forward(inputs, state, [parameters[0], parameters[1], bh, parameters[4], parameters[5]])
    }
}

/// W_xh, W_hh, the two halves of b_h, W_hq, b_q.
private func scratchTensors(_ parameters: Parameters) throws -> [Tensor] {
    func tensor(_ name: String) throws -> Tensor {
        let entry = try #require(parameters[name])
        return try Tensor(entry.values, shape: entry.shape)
    }
    return [
        try tensor("rnn.weight_ih_l0").transposed(), try tensor("rnn.weight_hh_l0").transposed(),
        try tensor("rnn.bias_ih_l0"), try tensor("rnn.bias_hh_l0"),
        try tensor("decoder.weight").transposed(), try tensor("decoder.bias"),
    ]
}
