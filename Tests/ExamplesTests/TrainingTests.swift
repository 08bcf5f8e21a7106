import Chapter
import Foundation
import Testing
import Unroll

@Suite struct TrainingTests {
    @Test(arguments: Network.allCases, [Partitioning.sequential, .random])
    func trainingLowersPerplexity(network: Network, partitioning: Partitioning) throws {
        let corpus = try Story.corpus(limit: 5_000)
        var model = try network.model(corpus.vocabulary, hiddenSize: 16)
        var perplexities: [Double] = []
        for epoch in 1...5 {
            let minibatches = try partitioning.minibatches(
                of: corpus.tokens, batchSize: 32, sequenceLength: 35, seed: 1, epoch: epoch)
            let (perplexity, tokensPerSecond) = try trainEpoch(&model, on: minibatches, learningRate: 1)
            perplexities.append(perplexity)
            #expect(tokensPerSecond > 0)
        }
        let (first, last) = (perplexities[0], try #require(perplexities.last))
        #expect(first < Double(corpus.vocabulary.count) + 0.1)
        #expect(last < 0.9 * first)
        #expect(last > 1)
    }

    /// Who knows nothing is as surprised as if all tokens were equally likely.
    @Test func perplexityOfZerosIsTheVocabulary() throws {
        let corpus = try Story.corpus()
        let minibatches = try Story.minibatches(2, of: corpus, partitioning: .sequential)
        var model = try Network.rnn.model(corpus.vocabulary, hiddenSize: 4)
        model.parameters = try model.parameters.map { try .zeros($0.shape) }
        let (perplexity, _) = try trainEpoch(&model, on: minibatches, learningRate: 0)
        #expect(abs(perplexity - Double(corpus.vocabulary.count)) < 1e-4)
        #expect(try model.parameters == model.parameters.map { try .zeros($0.shape) })
    }

    /// The exponential of the mean over tokens, not the mean of minibatches, nor of exponentials.
    @Test func perplexityWeighsTokens() throws {
        let corpus = try Story.corpus()
        var minibatches = try Story.minibatches(1, of: corpus, partitioning: .random).all
        var short = Minibatch()
        short.reshape(sequenceLength: 2, batchSize: 3, continuesState: false)
        short.targets = [1, 1, 1, 1, 1, 1]
        minibatches.append(short)
        var model = try Network.rnn.model(corpus.vocabulary, hiddenSize: 4)
        // The network is sure of nothing but that an e is not what comes.
        var bias = [Float](repeating: 0, count: corpus.vocabulary.count)
        bias[1] = -3
        model.parameters = try model.parameters.map { try .zeros($0.shape) }
        model.parameters[4] = try Tensor(bias, shape: [bias.count])
        var (nats, count) = (0.0, 0)
        let normalizer = log(bias.reduce(0.0) { $0 + exp(Double($1)) })
        for target in minibatches.flatMap(\.targets) {
            nats += normalizer - Double(bias[Int(target)])
            count += 1
        }
        let (perplexity, _) = try trainEpoch(
            &model, on: FixedMinibatches(all: minibatches), learningRate: 0)
        #expect(abs(log(perplexity) - nats / Double(count)) < 1e-5)
    }

    @Test(arguments: Network.allCases) func sequentialStateGoesOnWithoutHistory(network: Network) throws {
        let corpus = try Story.corpus()
        let minibatches = try Story.minibatches(3, of: corpus, partitioning: .sequential)
        let calls = try states(network, of: corpus, minibatches)
        let start = try network.model(corpus.vocabulary, hiddenSize: 8)
        #expect(try calls[0] == start.initialState(32))

        // The second minibatch starts where the first ended, with the parameters of then.
        let inputs = try minibatches.all.map {
            try oneHotInputs($0, vocabularySize: corpus.vocabulary.count)
        }
        let (_, left) = try network.forward(inputs[0], calls[0], start.parameters)
        for (state, expected) in zip(calls[1], left) {
            #expect(greatestDifference(state, expected) < 1e-6)
            #expect(try state != .zeros(state.shape))
        }
        // A state with a history could not be used in another gradient.
        _ = try valueWithGradient(at: start.parameters) {
            try network.forward(inputs[1], calls[1], $0).outputs.sum()
        }
    }

    @Test func randomStateStartsAfresh() throws {
        let corpus = try Story.corpus()
        let minibatches = try Story.minibatches(3, of: corpus, partitioning: .random)
        for state in try states(.rnn, of: corpus, minibatches) {
            #expect(try state == rnnState(batchSize: 32, hiddenSize: 8))
        }
    }

    /// What `detached` is there for.
    @Test func stateWithHistoryIsRefused() throws {
        let corpus = try Story.corpus()
        let model = try Network.rnn.model(corpus.vocabulary, hiddenSize: 8)
        let minibatches = try Story.minibatches(1, of: corpus, partitioning: .sequential)
        let inputs = try oneHotInputs(minibatches.all[0], vocabularySize: corpus.vocabulary.count)
        var state = try model.initialState(32)
        func step() throws {
            _ = try valueWithGradient(at: model.parameters) { parameters in
                let (outputs, next) = try model.forward(inputs, state, parameters)
                state = next
                return outputs.sum()
            }
        }
        try step()
        #expect(throws: TensorError.notDetached) { try step() }
    }

    /// The states that the network was given while it was trained on some minibatches.
    private func states(
        _ network: Network, of corpus: Corpus, _ minibatches: FixedMinibatches
    ) throws -> [[Tensor]] {
        var states: [[Tensor]] = []
        var model = try ScratchModel(
            vocabulary: corpus.vocabulary, hiddenSize: 8, parameters: network.parameters,
            initialState: network.state
        ) { inputs, state, parameters in
            states.append(state)
            return try network.forward(inputs, state, parameters)
        }
        _ = try trainEpoch(&model, on: minibatches, learningRate: 1)
        try #require(states.count == minibatches.count)
        return states
    }
}
