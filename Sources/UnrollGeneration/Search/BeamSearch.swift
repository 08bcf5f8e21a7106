import UnrollText

/// The state of one beam search: unfinished beams and results.
///
/// Each step examines all continuations of the beams by one token. Those that a stop string or the length ends are
/// results, of which the best are kept; the most probable of the others are the next beams.
struct BeamSearch {
    /// A beam and a token that may continue it.
    private struct Candidate {
        let row: Int
        let token: Int32
        let logProbability: Double
    }

    /// What the engine computes next.
    struct Step {
        /// The row of the state that each beam continues.
        var rows: [Int]
        var tokens: [Int32]
    }

    private let vocabularySize: Int
    private let options: BeamSearchOptions
    /// Tokens that are not banned.
    private let allowed: [Int32]
    /// Whether a token may complete a stop string, `[V]`.
    private let mayStop: [Bool]
    /// The last token of the prompt, until it is chosen again.
    private var lastToken: LastToken?
    /// The most probable first.
    private var beams: [Beam]
    /// The best first, `width` at most.
    private(set) var results: [Hypothesis] = []

    init(
        _ options: BeamSearchOptions, vocabulary: Vocabulary, after state: TextDecoder.State,
        _ lastToken: LastToken?
    ) throws(GenerationError) {
        self.lastToken = lastToken
        self.options = options
        vocabularySize = vocabulary.count
        allowed = try TokenBans(options.bannedTokens, in: vocabulary).allowed
        mayStop = Self.mayStop(options.stopStrings, vocabulary)
        beams = [Beam(TextDecoder(vocabulary, state), StopMatcher(options.stopStrings))]
        if options.length == 0 { end(beams[0]) }
    }

    /// A stop string is complete when its last byte comes, in words perhaps with the space before the next.
    private static func mayStop(_ strings: [String], _ vocabulary: Vocabulary) -> [Bool] {
        let lastBytes = Set(strings.compactMap(\.utf8.last))
        let isAfterSpace = vocabulary.kind == .words && lastBytes.contains(UInt8(ascii: " "))
        return (0..<Int32(vocabulary.count)).map { token in
            isAfterSpace || vocabulary.bytes(of: token).contains(where: lastBytes.contains)
        }
    }

    /// Continues by one token.
    ///
    /// - Parameter logits: Those of every beam, `[B, V]`.
    /// - Returns: What the engine reads next; nil at the end.
    /// - Throws: `GenerationError.notANumber` when a logit is not finite.
    mutating func advance(_ logits: [Float]) throws(GenerationError) -> Step? {
        var candidates: [Candidate] = []
        for (row, beam) in beams.enumerated() where beam.length < options.length {
            let begin = row * vocabularySize
            let logProbabilities = try LogProbabilities.of(logits[begin..<begin + vocabularySize])
            for token in lastToken?.candidates ?? allowed {
                let candidate = Candidate(
                    row: row, token: token,
                    logProbability: beam.logProbability + logProbabilities[Int(token)])
                let isLast = beam.length + addedLength(of: token) == options.length
                if isLast || mayStop[Int(token)] && self.beam(candidate).hasStopped {
                    if isResult(candidate) { end(self.beam(candidate)) }
                } else {
                    candidates.insert(candidate, keeping: options.width) { $0.logProbability }
                }
            }
        }
        beams = candidates.map(beam)
        lastToken = nil
        // Logarithms are negative: at best, a beam loses nothing more on its way to the greatest length.
        guard let best = beams.first, results.count < options.width || isPromising(best) else { return nil }
        return Step(rows: candidates.map(\.row), tokens: candidates.map(\.token))
    }

    private func beam(_ candidate: Candidate) -> Beam {
        beams[candidate.row].adding(
            candidate.token, after: lastToken?.byteCount ?? 0, logProbability: candidate.logProbability)
    }

    /// 0 for the last token of the prompt once more, 1 for every other.
    private func addedLength(of token: Int32) -> Int { token == lastToken?.id ? 0 : 1 }

    private func score(_ logProbability: Double, count: Int) -> Double {
        Hypothesis.score(logProbability, count: count, lengthPenalty: options.lengthPenalty)
    }

    /// Whether a candidate that ends would be kept.
    private func isResult(_ candidate: Candidate) -> Bool {
        guard results.count == options.width, let last = results.last else { return true }
        let length = beams[candidate.row].length + addedLength(of: candidate.token)
        return score(candidate.logProbability, count: length) > last.score
    }

    /// Whether a continuation of the beam could still be kept.
    private func isPromising(_ beam: Beam) -> Bool {
        results.last.map { score(beam.logProbability, count: options.length) > $0.score } ?? true
    }

    private mutating func end(_ beam: Beam) {
        let beam = beam.finished()
        let hypothesis = Hypothesis(
            text: beam.text, tokens: beam.tokens, logProbability: beam.logProbability,
            score: score(beam.logProbability, count: beam.length))
        results.insert(hypothesis, keeping: options.width) { $0.score }
    }
}

/// An unfinished continuation of a beam search.
struct Beam {
    private(set) var tokens: [Int32] = []
    /// The number of tokens that add to the prompt.
    private(set) var length = 0
    private(set) var logProbability = 0.0
    private(set) var text = ""
    /// Whether a stop string has ended it.
    private(set) var hasStopped = false
    private var decoder: TextDecoder
    private var matcher: StopMatcher

    init(_ decoder: TextDecoder, _ matcher: StopMatcher) {
        self.decoder = decoder
        self.matcher = matcher
    }

    /// This one with one more token, of which so many bytes were there before.
    func adding(_ token: Int32, after known: Int, logProbability: Double) -> Beam {
        var beam = self
        beam.tokens.append(token)
        beam.logProbability = logProbability
        if let piece = beam.decoder.decode(token, after: known) {
            beam.length += 1
            beam.add(piece)
        }
        return beam
    }

    /// This one with the text that was held back, at the end.
    func finished() -> Beam {
        guard !hasStopped else { return self }
        var beam = self
        beam.add(decoder.finish())
        if !beam.hasStopped { beam.text += beam.matcher.finish() }
        return beam
    }

    private mutating func add(_ piece: String) {
        let (more, stop) = matcher.append(piece)
        text += more
        hasStopped = stop != nil
    }
}
