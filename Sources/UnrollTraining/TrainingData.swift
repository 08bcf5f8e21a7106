import UnrollCore
import UnrollText

/// The text of a run, in what trains and what validates.
struct TrainingData {
    let training: Corpus
    private let validation: Corpus?
    private let options: TrainingOptions
    /// Steps in a minibatch of evaluation; enough that its fixed costs do not count.
    private static let evaluationSteps = 256

    init(_ corpus: Corpus, options: TrainingOptions) throws(TextError) {
        self.options = options
        if let fraction = options.validationFraction {
            let parts = try corpus.split(validationFraction: fraction)
            training = parts.training
            validation = parts.validation
        } else {
            training = corpus
            validation = nil
        }
        // Finds out now, and not in a later epoch, whether the text is long enough.
        _ = try minibatches(epoch: 0)
        _ = try validationMinibatches()
    }

    /// Tokens held out; windows overlap, so theirs are counted as what they predict.
    var validationTokenCount: Int {
        validation?.tokens.count ?? (options.validationWindows ?? 0) * options.timeSteps
    }

    func minibatches(epoch: Int) throws(TextError) -> any MinibatchSource {
        try options.sampling.minibatches(
            of: training.tokens, batchSize: options.batchSize, timeSteps: options.timeSteps,
            seed: options.seed,
            epoch: epoch, windowCount: options.trainingWindows)
    }

    /// The held-out minibatches: all of the text in order, or the book's windows; nil if nothing is held out.
    func validationMinibatches() throws(TextError) -> (any MinibatchSource)? {
        if let validation {
            return try validation.tokens.strand(timeSteps: Self.evaluationSteps)
        }
        guard let count = options.validationWindows, let start = options.trainingWindows else { return nil }
        return try training.tokens.validationWindows(
            batchSize: options.batchSize, timeSteps: options.timeSteps, after: start, windowCount: count)
    }
}
