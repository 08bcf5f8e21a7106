// "RNN from scratch" from beginning to end; the definitions, in the same order, are in `Chapter.swift`.

import ArgumentParser
import Book
import Chapter
import Unroll

@main
struct RNNFromScratch: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Trains a recurrent network written by hand.")

    @OptionGroup var source: BookArgument

    func run() throws {
        let book = try source.read()
        let (vocabularySize, hiddenSize) = (book.corpus.vocabulary.count, 512)

        // One-hot encoding: T = 5 steps of B = 2 sequences.
        var minibatch = Minibatch()
        try Partitioning.sequential.minibatches(
            of: book.corpus.tokens, batchSize: 2, sequenceLength: 5, seed: 1, epoch: 1
        )
        .fill(&minibatch, at: 0)
        let inputs = try oneHotInputs(minibatch, vocabularySize: vocabularySize)
        check("inputs", inputs, is: [5, 2, vocabularySize])

        // Parameters and state.
        let parameters = try rnnParameters(vocabularySize: vocabularySize, hiddenSize: hiddenSize, seed: 1)
        check("W_hh", parameters[1], is: [hiddenSize, hiddenSize])
        let state = try rnnState(batchSize: 2, hiddenSize: hiddenSize)

        // The network.
        let (outputs, next) = try rnn(inputs, state, parameters)
        check("outputs", outputs, is: [5 * 2, vocabularySize])
        check("state", next[0], is: [2, hiddenSize])

        // Prediction, clipping, training, and the result.
        try runChapter(on: book, parameters: rnnParameters, initialState: rnnState, forward: rnn)
    }

    /// As the book's slides do after each definition.
    private func check(_ name: String, _ tensor: Tensor, is shape: [Int]) {
        precondition(tensor.shape == shape, "\(name) should be \(shape) but is \(tensor.shape)")
        print("\(name): \(shape)")
    }
}
