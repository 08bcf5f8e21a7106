import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel

extension LanguageModel {
    /// Searches the most probable continuations of a prompt: the best of those that `width` beams find.
    ///
    /// All beams advance together, as one batch. With as many beams as there are continuations it is a search through all
    /// of them; with fewer, a better one may be missed. The probabilities are the model's own: banned tokens are omitted,
    /// and their share is not given to the others.
    ///
    /// - Parameters:
    ///   - prompt: What the model reads first.
    ///   - options: The number and length of the beams.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: At most `width` hypotheses, the highest score first.
    /// - Throws: What ``read(_:after:precision:threads:)`` throws, `ParameterError` for an option that is out of range,
    ///   `GenerationError` for banned tokens or a model whose output is not finite.
    public func beamSearch(
        after prompt: String, options: BeamSearchOptions = BeamSearchOptions(), threads: Int? = nil
    ) throws -> [Hypothesis] {
        let state = try read(prompt, precision: options.precision, threads: threads)
        return try beamSearch(from: state, options: options, threads: threads)
    }

    /// Searches the most probable continuations of what was read before; otherwise as after a prompt.
    ///
    /// - Parameters:
    ///   - state: The result of ``read(_:after:precision:threads:)``, or the state in a ``GenerationSummary``.
    ///   - options: The number and length of the beams.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: At most `width` hypotheses, the highest score first.
    /// - Throws: As after a prompt, and `GenerationError.stateOfAnotherModel`.
    public func beamSearch(
        from state: GenerationState, options: BeamSearchOptions = BeamSearchOptions(), threads: Int? = nil
    ) throws -> [Hypothesis] {
        try options.check()
        try state.check(for: self)
        var state = state
        let lastToken = try takeBackLastToken(of: &state, options, threads: threads)
        var search = try BeamSearch(options, vocabulary: vocabulary, after: state.decoder, lastToken)
        return try withEngine(precision: options.precision, threads: threads) { engine in
            var logits = state.logits
            try engine.restoreState(state.recurrentState)
            while let step = try search.advance(logits) {
                try Task.checkCancellation()
                try engine.restoreState(try engine.recurrentState.rows(step.rows))
                try engine.advance(step.tokens, logits: &logits)
            }
            return search.results
        }
    }
}

/// The number and length of a search's beams, and how continuations of different lengths compare.
public struct BeamSearchOptions: Sendable, Equatable {
    /// The number of unfinished continuations after each token, and of results at most, in 1...4096.
    ///
    /// Default: 4.
    public var width: Int
    /// The greatest number of tokens after the prompt, at least 0.
    ///
    /// Default: 200.
    public var length: Int
    /// The exponent `a` of the length normalization, at least 0: a continuation of `n` tokens scores log p / nᵃ.
    ///
    /// Default: 1.
    ///
    /// 0 compares probabilities, which favors short continuations; 1 compares the mean of the tokens' logarithms. It
    /// matters where stop strings end continuations at different lengths.
    public var lengthPenalty: Double
    /// Texts that end a continuation, which stops before the first of them; empty ones are ignored.
    ///
    /// Default: none.
    public var stopStrings: [String]
    /// Tokens that are never chosen, as `Vocabulary.token(_:)` writes them.
    ///
    /// Default: none but `<unk>`.
    public var bannedTokens: Set<String>
    /// The number format of matrix-multiplication operands; nil for the model's own.
    ///
    /// Default: nil.
    public var precision: Precision?

    /// Creates options.
    public init(
        width: Int = 4, length: Int = 200, lengthPenalty: Double = 1, stopStrings: [String] = [],
        bannedTokens: Set<String> = [], precision: Precision? = nil
    ) {
        self.width = width
        self.length = length
        self.lengthPenalty = lengthPenalty
        self.stopStrings = stopStrings
        self.bannedTokens = bannedTokens
        self.precision = precision
    }

    /// Checks every number.
    ///
    /// - Throws: `ParameterError.outOfRange` with the first that is not in its range.
    package func check() throws(ParameterError) {
        try ParameterError.require(
            (1...Self.maximumWidth).contains(width), "width", is: width, but: "in 1...\(Self.maximumWidth)")
        try ParameterError.require(length >= 0, "length", is: length, but: "at least 0")
        try ParameterError.require(
            lengthPenalty >= 0 && lengthPenalty.isFinite, "lengthPenalty", is: lengthPenalty,
            but: "at least 0 and finite")
    }

    /// Every beam has a recurrent state of its own.
    private static let maximumWidth = 4096
}

/// A continuation that beam search has found.
public struct Hypothesis: Sendable, Equatable, CustomStringConvertible {
    /// The text after the prompt, without the stop string that ended it.
    public var text: String
    /// Its tokens, including those of the stop string.
    ///
    /// The first may begin with bytes of the prompt, whose last subword it then takes the place of.
    public var tokens: [Int32]
    /// The natural logarithm of the probability of these tokens.
    public var logProbability: Double
    /// log p / nᵃ, by which hypotheses are compared; `n` is the number of tokens that add to the prompt, `a` the length
    /// penalty.
    public var score: Double

    /// Score and text in one line.
    public var description: String { "\(NumberFormat.decimal(score)): \(text.debugDescription)" }

    /// The score of `count` tokens, 0 for none.
    static func score(_ logProbability: Double, count: Int, lengthPenalty: Double) -> Double {
        logProbability / pow(Double(max(count, 1)), lengthPenalty)
    }
}
