// What every example needs around the network: the text, and the two ways of training on it.

import Foundation
import Unroll
import UnrollCorpora

/// The first 10,000 letters of a text, or of *The Time Machine* where it is found, or else of the bundled story.
///
/// - Parameter path: The text, if there is one to prefer.
/// - Returns: The letters, and beginnings for a trained network to go on from.
/// - Throws: `TextError` when the text cannot be read.
package func readBook(at path: String?) throws -> (corpus: Corpus, prefixes: [String]) {
    let folder = ProcessInfo.processInfo.environment["UNROLL_CORPORA"].map { URL(filePath: $0) }
    let places = [
        folder?.appending(path: "timemachine.txt"),
        CorpusCache().file(of: try CorpusCatalogue.standard.entry(named: "time-machine")),
    ]
    let novel = places.compactMap(\.self).first { FileManager.default.fileExists(atPath: $0.path) }
    if let file = path.map({ URL(filePath: $0) }) ?? novel {
        let corpus = try Corpus(contentsOf: file, preprocessing: .letters, limit: 10_000)
        return (corpus, ["time traveller ", "traveller "])
    }
    let corpus = try Corpus(
        bytes: SampleText.utf8, name: SampleText.title, preprocessing: .letters, limit: 10_000)
    return (corpus, ["the ferry ", "hetty "])
}

/// Trains such a network on the text, once for each way of cutting it into minibatches, and lets it go on writing.
package func runChapter(
    on path: String?, parameters: ScratchModel.MakeParameters, initialState: @escaping ScratchModel.MakeState,
    forward: @escaping ScratchModel.Forward
) throws {
    let (corpus, prefixes) = try readBook(at: path)
    for sampling in [Sampling.sequential, .random] {
        print("\(corpus.name), \(sampling) partitioning")
        var model = try ScratchModel(
            vocabulary: corpus.vocabulary, hiddenSize: 512, parameters: parameters,
            initialState: initialState,
            forward: forward)
        try train(&model, on: corpus, epochs: 500, learningRate: 1, sampling: sampling)
        for prefix in prefixes { print(try predict(after: prefix, count: 50, with: model)) }
    }
}
