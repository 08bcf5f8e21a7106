/// The parts of a text, in the order of the text: to train on, to validate on, to test on.
public struct CorpusSplit: Sendable {
    /// What a model learns from.
    public let training: Corpus
    /// What is held out to choose by: among epochs, models, options.
    public let validation: Corpus?
    /// What is held out from every choice as well, to be read once, when all are made.
    public let test: Corpus?

    /// Puts parts together that may be texts of their own.
    package init(training: Corpus, validation: Corpus?, test: Corpus?) {
        self.training = training
        self.validation = validation
        self.test = test
    }
}

extension Corpus {
    /// Holds out the last parts of the text, so that no token is in two parts.
    ///
    /// - Parameters:
    ///   - validationFraction: The share of the text to validate on; nil for none.
    ///   - testFraction: The share of the text, at its very end, to test on; nil for none.
    /// - Returns: The parts, which share the text's memory.
    /// - Throws: `TextError` when a share is not between 0 and 1, or leaves a part with nothing to predict.
    public func split(
        validationFraction: Double? = nil, testFraction: Double? = nil
    ) throws(TextError) -> CorpusSplit {
        if validationFraction == nil, testFraction == nil {
            return CorpusSplit(training: self, validation: nil, test: nil)
        }
        func count(_ fraction: Double?, _ error: (Double) -> TextError) throws(TextError) -> Int {
            guard let fraction else { return 0 }
            guard fraction > 0, fraction < 1 else { throw error(fraction) }
            // Up, so that the first part is that of `text[:int(0.9 * len(text))]`; but not for a product's rounding.
            return Int((Double(tokens.count) * fraction - 1e-6).rounded(.up))
        }
        let validated = try count(validationFraction, TextError.invalidValidationFraction)
        let tested = try count(testFraction, TextError.invalidTestFraction)
        let end = tokens.count - tested
        let cut = end - validated
        guard cut >= 2, validationFraction == nil || validated >= 2, testFraction == nil || tested >= 2 else {
            throw .textTooShortToSplit(
                tokens: tokens.count, validationFraction: validationFraction, testFraction: testFraction)
        }
        return CorpusSplit(
            training: part(0..<cut),
            validation: validationFraction.map { _ in part(cut..<end) },
            test: testFraction.map { _ in part(end..<tokens.count) })
    }
}
