import Unroll

/// The bundled story as letters, from which minibatches of `B` = 32 and `T` = 35 are cut, as in the chapter.
enum Story {
    static func corpus(limit: Int? = nil) throws -> Corpus {
        try Corpus(bytes: SampleText.utf8, name: SampleText.title, preprocessing: .letters, limit: limit)
    }

    /// The first minibatches, of as many epochs as that takes.
    static func minibatches(_ count: Int, of corpus: Corpus, partitioning: Partitioning) throws
        -> FixedMinibatches
    {
        var minibatches: [Minibatch] = []
        var epoch = 1
        while minibatches.count < count {
            let source = try partitioning.minibatches(
                of: corpus.tokens, batchSize: 32, sequenceLength: 35, seed: 1, epoch: epoch)
            for index in 0..<min(source.count, count - minibatches.count) {
                var minibatch = Minibatch()
                source.fill(&minibatch, at: index)
                minibatches.append(minibatch)
            }
            epoch += 1
        }
        return FixedMinibatches(all: minibatches)
    }
}

/// Minibatches that are there already.
struct FixedMinibatches: MinibatchSource {
    let all: [Minibatch]

    var count: Int { all.count }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        minibatch = all[index]
    }
}
