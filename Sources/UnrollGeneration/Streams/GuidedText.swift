import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// A text that a person writes together with a model: token by token from its choices or in words of their own, with
/// steps back.
package struct GuidedText {
    /// A token that may come next.
    package struct Choice: Sendable {
        package let token: Int32
        /// The token as the vocabulary writes it.
        package let name: String
        package let probability: Double
    }

    /// Everything that a step back restores.
    private struct Moment {
        var state: GenerationState
        var sampler: TokenSampler
        /// The text after the prompt.
        var text = ""
        /// Whether the last part of it is a choice, and a word of it thus complete.
        var endsWithChoice = false
    }

    private let model: LanguageModel
    private let options: TextGenerationOptions
    private let threads: Int?
    private var past: [Moment] = []
    private var present: Moment

    /// The text after the prompt.
    package var text: String { present.text }

    /// Reads the prompt.
    ///
    /// - Throws: What `LanguageModel.read` throws, `ParameterError` for options that are out of range, `GenerationError`
    ///   for banned tokens.
    package init(
        _ model: LanguageModel, after prompt: String, options: TextGenerationOptions, threads: Int?
    ) throws {
        self.model = model
        self.options = options
        self.threads = threads
        let state = try model.read(prompt, precision: options.precision, threads: threads)
        present = Moment(state: state, sampler: try TokenSampler(options, vocabulary: model.vocabulary))
        present.sampler.observe(state.recentTokens)
    }

    /// The most probable tokens, the most probable first; those that cannot come are omitted.
    package mutating func choices(_ count: Int) throws(GenerationError) -> [Choice] {
        let probabilities = try present.sampler.probabilities(of: present.state.logits)
        var best: [Choice] = []
        for (token, probability) in probabilities.enumerated() where probability > 0 {
            let name = model.vocabulary.token(Int32(token)) ?? ""
            best.insert(
                Choice(token: Int32(token), name: name, probability: probability), keeping: count
            ) { $0.probability }
        }
        return best
    }

    /// Continues with a token.
    package mutating func choose(_ choice: Choice) throws {
        var next = present
        try model.withEngine(precision: options.precision, threads: threads) { engine in
            try engine.restoreState(next.state.recurrentState)
            try next.state.read(choice.token, with: engine)
            try engine.copyState(to: &next.state.recurrentState)
        }
        var decoder = TextDecoder(model.vocabulary, next.state.decoder)
        next.text += decoder.decode(choice.token)
        next.state.decoder = decoder.state
        next.sampler.observe(generated: choice.token)
        next.endsWithChoice = true
        advance(to: next)
    }

    /// Continues with a text, which may continue a word of the text before it, but not a word that was chosen.
    package mutating func append(_ text: String) throws {
        var next = present
        let needsSpace =
            next.endsWithChoice && next.state.decoder.needsSpace && text.first?.isWhitespace == false
        next.text += (needsSpace ? " " : "") + text
        next.state = try model.read(
            text, after: present.state, precision: options.precision, threads: threads)
        // The text may have changed the last word, and so what was observed.
        next.sampler.observe(next.state.recentTokens)
        next.endsWithChoice = next.endsWithChoice && text.isEmpty
        advance(to: next)
    }

    /// What the vocabulary lacks of a text that would continue this one.
    package func unknownTokens(in text: String) -> [String] {
        var joint = Optional(present.state.joint(in: model.vocabulary))
        return model.vocabulary.encode(piece: text, after: &joint).unknownTokens
    }

    /// Takes back the last token or text; returns whether there was one.
    package mutating func undo() -> Bool {
        guard let last = past.popLast() else { return false }
        present = last
        return true
    }

    private mutating func advance(to next: Moment) {
        past.append(present)
        present = next
    }
}
