import UnrollBase
import UnrollText

/// The texts of a run, and the minibatches made of them.
struct TrainingData {
    let parts: CorpusSplit
    private let options: TrainingOptions
    /// Tokens in a minibatch of evaluation: enough that its fixed costs do not matter, and no more than in one of training
    /// where that has many.
    private var evaluationTokens: Int {
        let (tokens, overflow) = options.batchSize.multipliedReportingOverflow(by: options.sequenceLength)
        return min(max(overflow ? .max : tokens, 256), 1024)
    }

    /// Splits a text as the options say; texts for validation or testing of their own take the place of the split.
    init(
        _ corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil, options: TrainingOptions
    ) throws {
        self.options = options
        let parts = try corpus.split(
            validationFraction: options.validationFraction, testFraction: options.testFraction)
        self.parts = CorpusSplit(
            training: parts.training, validation: validation ?? parts.validation, test: test ?? parts.test)
        // Fails now rather than in a later epoch if the text is too short.
        _ = try minibatches(epoch: 0)
        _ = try validationMinibatches()
        _ = try testMinibatches()
    }

    /// Checks that further texts contradict neither the options nor the vocabulary.
    ///
    /// - Throws: `ParameterError.excludes`, `TrainingError.otherVocabulary`.
    static func check(
        _ corpus: Corpus, validation: Corpus?, test: Corpus?, options: TrainingOptions
    ) throws {
        if validation != nil {
            for (name, isGiven) in [
                ("validationFraction", options.validationFraction != nil),
                ("validationWindows", options.validationWindows != nil),
            ] where isGiven {
                throw ParameterError.excludes(parameter: "validation", other: name)
            }
        }
        if test != nil, options.testFraction != nil {
            throw ParameterError.excludes(parameter: "test", other: "testFraction")
        }
        for other in [validation, test].compactMap(\.self) where other.vocabulary != corpus.vocabulary {
            throw TrainingError.otherVocabulary(text: other.name, trainingText: corpus.name)
        }
    }

    /// A number that distinguishes the texts of a run from others: the training text's own if that is the only one.
    static func fingerprint(_ corpus: Corpus, validation: Corpus?, test: Corpus?) -> UInt64 {
        // Odd factors lose no bit, and distinguish the validation text from the test text.
        corpus.fingerprint ^ (validation?.fingerprint ?? 0) &* 0x9E37_79B9_7F4A_7C15
            ^ (test?.fingerprint ?? 0) &* 0xC2B2_AE3D_27D4_EB4F
    }

    /// Tokens for validation; overlapping windows count by their predictions.
    var validationTokenCount: Int {
        parts.validation?.tokens.count ?? (options.validationWindows ?? 0) * options.sequenceLength
    }

    /// Tokens for testing.
    var testTokenCount: Int { parts.test?.tokens.count ?? 0 }

    func minibatches(epoch: Int) throws -> any MinibatchSource {
        try options.partitioning.minibatches(
            of: parts.training.tokens, batchSize: options.wholeBatchSize,
            sequenceLength: options.sequenceLength,
            seed: options.seed,
            epoch: epoch, windowCount: options.trainingWindows)
    }

    /// The validation minibatches: all of the text in order, or the book's windows; none if nothing is held out.
    ///
    /// With several shards they are in up to as many parts, which can be judged apart.
    func validationMinibatches() throws -> [any MinibatchSource] {
        if let validation = parts.validation {
            return try validation.tokens.evaluationStrands(
                partCount: options.shards, tokenCount: evaluationTokens)
        }
        guard let count = options.validationWindows, let start = options.trainingWindows else { return [] }
        return try parts.training.tokens.validationWindows(
            batchSize: options.batchSize, sequenceLength: options.sequenceLength, after: start,
            windowCount: count, partCount: options.shards)
    }

    /// The test minibatches, all of the text in order, in such parts; none without a test text.
    func testMinibatches() throws -> [any MinibatchSource] {
        guard let test = parts.test else { return [] }
        return try test.tokens.evaluationStrands(partCount: options.shards, tokenCount: evaluationTokens)
    }
}
