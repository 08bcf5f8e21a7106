import Chapter
import Foundation
import GRUFromScratch
import LSTMFromScratch
import Testing
import Unroll

/// The chapter's code and the engine train the same network: what a reader writes is what the command runs.
///
/// Parameters are the engine's, under PyTorch's names; the chapter's single bias is a model of its own, since two that
/// are added move twice as far as one, and count twice in the clipped norm.
@Suite struct EngineAgreementTests {
    /// The networks that both have.
    enum Recurrence: String, CaseIterable {
        case tanh, relu, lstm, gru

        var cell: any RecurrentCell.Type {
            switch self {
            case .tanh: TanhCell.self
            case .relu: ReLUCell.self
            case .lstm: LSTMCell.self
            case .gru: GRUCell.self
            }
        }

        func initialState(batchSize: Int, hiddenSize: Int) throws -> [Tensor] {
            self == .lstm
                ? try lstmState(batchSize: batchSize, hiddenSize: hiddenSize)
                : try rnnState(batchSize: batchSize, hiddenSize: hiddenSize)
        }

        /// How much larger the decoder starts, so that some gradients need clipping; an LSTM's output starts small.
        var decoderScale: Float { self == .lstm ? 20 : 6 }

        /// What keeps rounding small for fifty steps.
        ///
        /// ReLU's derivative jumps, so that the last bit of a number can decide over it, and training at a rate of 1
        /// makes much of that, in double precision too.
        var learningRate: Float { self == .relu ? 0.01 : 0.5 }
    }

    @Test(arguments: Recurrence.allCases, [Partitioning.sequential, .random])
    func fiftyStepsAgree(recurrence: Recurrence, partitioning: Partitioning) throws {
        try check(recurrence, partitioning)
    }

    @Test func fiftyStepsWithTheChaptersSingleBiasAgree() throws {
        try check(.tanh, .sequential, hasSingleBias: true)
    }

    private func check(_ recurrence: Recurrence, _ partitioning: Partitioning, hasSingleBias: Bool = false)
        throws
    {
        let (hiddenSize, steps) = (64, 50)
        let corpus = try Story.corpus()
        let minibatches = try Story.minibatches(steps, of: corpus, partitioning: partitioning)
        let configuration = ModelConfiguration(
            cell: recurrence.cell, hiddenSize: hiddenSize, hasSingleBias: hasSingleBias)
        // Biases of the uniform start are not zero, so that none can stand for another; with a larger decoder, some
        // gradients need clipping.
        var start = try ModelParameters(
            for: configuration, vocabularySize: corpus.vocabulary.count, initializer: .uniform, seed: 4)
        for index in start.entries.indices where start.entries[index].name == "decoder.weight" {
            start.entries[index].values = start.entries[index].values.map { recurrence.decoderScale * $0 }
        }

        let engine = try CPUEngine(configuration: configuration, parameters: start)
        // From this start a rate of 0.5 is chaotic with one bias, in double precision too.
        let learningRate = hasSingleBias ? 0.1 : recurrence.learningRate
        let optimizer = Optimizer(learningRate: learningRate, maxGradientNorm: 1)
        let expected = try minibatches.all.map { try engine.train(on: $0, with: optimizer) }

        var logits: [Tensor] = []
        var model = try ScratchModel(
            vocabulary: corpus.vocabulary, hiddenSize: hiddenSize,
            parameters: { _, _, _ in try tensors(start) }, initialState: recurrence.initialState
        ) { inputs, state, parameters in
            let result =
                hasSingleBias
                ? try rnn(
                    inputs, state,
                    [
                        parameters[0].transposed(), parameters[1].transposed(), parameters[2],
                        parameters[4].transposed(), parameters[5],
                    ])
                : try forward(recurrence, inputs, state, parameters)
            logits.append(result.outputs.detached())
            return result
        }
        let (perplexity, _) = try trainEpoch(
            &model, on: minibatches, learningRate: learningRate)

        try #require(logits.count == steps)
        for (step, result) in expected.enumerated() {
            let targets = minibatches.all[step].targets
            let loss = Double(try softmaxCrossEntropy(logits[step], targets).mean().scalar())
            #expect(abs(loss / result.meanLoss - 1) < 1e-4, "step \(step)")
        }
        // Every minibatch has as many tokens as the others.
        let meanLoss = expected.reduce(0) { $0 + $1.meanLoss } / Double(steps)
        #expect(abs(log(perplexity) / meanLoss - 1) < 1e-4)
        let trained = try tensors(engine.parameters)
        for (index, (tensor, expected)) in zip(model.parameters, trained).enumerated() {
            #expect(greatestDifference(tensor, expected) < 1e-4, "tensor \(index)")
        }
        // Both kinds of steps occurred: those that clipping shortens and those that it leaves alone.
        #expect(expected.contains { $0.gradientNorm > 1 })
        #expect(expected.contains { $0.gradientNorm < 1 })
    }
}

/// The network of tensors under PyTorch's names, in the order of `parameterShapes`.
private func forward(
    _ recurrence: EngineAgreementTests.Recurrence, _ inputs: Tensor, _ state: [Tensor], _ parameters: [Tensor]
) throws -> (outputs: Tensor, state: [Tensor]) {
    let hiddenSize = try #require(state[0].shape.last)
    func gate(_ gate: Int) throws -> (x: Tensor, h: Tensor, xBias: Tensor, hBias: Tensor) {
        let rows = try parameters[..<4].map {
            try $0.sliced(gate * hiddenSize..<(gate + 1) * hiddenSize)
        }
        return (try rows[0].transposed(), try rows[1].transposed(), rows[2], rows[3])
    }
    /// W_x, W_h and both biases added, as one b.
    func withOneBias(_ index: Int) throws -> [Tensor] {
        let gate = try gate(index)
        return [gate.x, gate.h, try gate.xBias + gate.hBias]
    }
    let output = [try parameters[4].transposed(), parameters[5]]
    switch recurrence {
    case .tanh: return try rnn(inputs, state, withOneBias(0) + output)
    case .relu: return try reluRNN(inputs, state, withOneBias(0) + output)
    // The book's order is i, f, o, g.
    case .lstm: return try lstm(inputs, state, [0, 1, 3, 2].flatMap(withOneBias) + output)
    case .gru:
        let gates = try (0..<3).flatMap { index -> [Tensor] in
            let gate = try gate(index)
            return [gate.x, gate.h, gate.xBias, gate.hBias]
        }
        return try gru(reset: .after)(inputs, state, gates + output)
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

/// A model's tensors in their order.
private func tensors(_ parameters: ModelParameters) throws -> [Tensor] {
    try parameters.entries.map { try Tensor($0.values, shape: $0.shape) }
}
