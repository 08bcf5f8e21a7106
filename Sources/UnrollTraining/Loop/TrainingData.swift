import UnrollBase
import UnrollText

/// The text of a run, in what trains, what validates and what is tested on.
struct TrainingData {
    let parts: CorpusSplit
    private let options: TrainingOptions
    /// Steps in a minibatch of evaluation; enough that its fixed costs do not count.
    private static let evaluationSteps = 256

    /// Parts a text as the options say, but for what is validated or tested on if that is a text of its own.
    init(
        _ corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil, options: TrainingOptions
    ) throws {
        self.options = options
        let parts = try corpus.split(
            validationFraction: options.validationFraction, testFraction: options.testFraction)
        self.parts = CorpusSplit(
            training: parts.training, validation: validation ?? parts.validation, test: test ?? parts.test)
        // Finds out now, and not in a later epoch, whether the text is long enough.
        _ = try minibatches(epoch: 0)
        _ = try validationMinibatches()
        _ = try testMinibatches()
    }

    /// Checks that texts of their own are no second ones, and are tokens of the vocabulary that is learned.
    static func check(
        _ corpus: Corpus, validation: Corpus?, test: Corpus?, options: TrainingOptions
    ) throws(TrainingError) {
        if validation != nil, options.validationFraction != nil || options.validationWindows != nil {
            throw .invalidOption(
                "a text to validate on (--validation-file) excludes a part of the text for it (--validation)")
        }
        if test != nil, options.testFraction != nil {
            throw .invalidOption(
                "a text to test on (--test-file) excludes a part of the text for it (--test)")
        }
        for other in [validation, test].compactMap(\.self) where other.vocabulary != corpus.vocabulary {
            throw .invalidOption(
                "'\(other.name)' has another vocabulary than '\(corpus.name)'; read it with that one's")
        }
    }

    /// A number that tells the texts of a run from others: that of its text, if there are no others beside it.
    static func fingerprint(_ corpus: Corpus, validation: Corpus?, test: Corpus?) -> UInt64 {
        // Odd factors lose no bit, and tell what validates from what is tested on.
        corpus.fingerprint ^ (validation?.fingerprint ?? 0) &* 0x9E37_79B9_7F4A_7C15
            ^ (test?.fingerprint ?? 0) &* 0xC2B2_AE3D_27D4_EB4F
    }

    /// Tokens to validate on; windows overlap, so theirs are counted as what they predict.
    var validationTokenCount: Int {
        parts.validation?.tokens.count ?? (options.validationWindows ?? 0) * options.sequenceLength
    }

    /// Tokens to test on.
    var testTokenCount: Int { parts.test?.tokens.count ?? 0 }

    func minibatches(epoch: Int) throws -> any MinibatchSource {
        try options.partitioning.minibatches(
            of: parts.training.tokens, batchSize: options.batchSize, sequenceLength: options.sequenceLength,
            seed: options.seed,
            epoch: epoch, windowCount: options.trainingWindows)
    }

    /// The held-out minibatches: all of the text in order, or the book's windows; nil if nothing is held out.
    func validationMinibatches() throws -> (any MinibatchSource)? {
        if let validation = parts.validation {
            return try validation.tokens.strand(sequenceLength: Self.evaluationSteps)
        }
        guard let count = options.validationWindows, let start = options.trainingWindows else { return nil }
        return try parts.training.tokens.validationWindows(
            batchSize: options.batchSize, sequenceLength: options.sequenceLength, after: start,
            windowCount: count)
    }

    /// The minibatches to test on, all of the text in order; nil if there is nothing to test on.
    func testMinibatches() throws -> (any MinibatchSource)? {
        try parts.test?.tokens.strand(sequenceLength: Self.evaluationSteps)
    }
}
