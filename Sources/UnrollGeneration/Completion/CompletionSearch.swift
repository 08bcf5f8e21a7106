import Foundation
import UnrollEngine

/// A search for the most probable ends of a word, the best first.
///
/// No end is more probable than what it begins with. So once the beginnings that are left are less probable than the
/// ends that were found, no better end is missed.
struct CompletionSearch {
    /// Letters that the word may go on with.
    private struct Beginning: Comparable {
        let bytes: [UInt8]
        let probability: Double
        /// How many tokens it has.
        let length: Int
        /// The last of its tokens, which is yet to be read from that state.
        let token: Int32
        let state: RecurrentState

        static func < (left: Beginning, right: Beginning) -> Bool { left.probability < right.probability }
        static func == (left: Beginning, right: Beginning) -> Bool { left.probability == right.probability }
    }

    /// Beginnings that are read at once: a batch costs little more than one of them, and few of it are read in vain.
    private static let batchSize = 8

    private let parts: WordParts
    private let vocabularySize: Int
    private let count: Int
    private let maximumLength: Int
    private var open = PriorityQueue<Beginning>()
    /// The most probable first.
    private(set) var completions: [Completion] = []

    /// Begins after what was typed.
    ///
    /// - Parameters:
    ///   - parts: What words are made of.
    ///   - count: How many completions to find.
    ///   - maximumLength: Tokens after which a word counts as ended.
    ///   - state: One text's state after it was read.
    ///   - logits: The logits of the token after it, `[V]`.
    ///   - isWord: Whether the word may be complete already.
    /// - Throws: `GenerationError.notANumber` when a logit is none.
    init(
        _ parts: WordParts, count: Int, maximumLength: Int, from state: RecurrentState, logits: [Float],
        isWord: Bool
    ) throws(GenerationError) {
        self.parts = parts
        self.count = count
        self.maximumLength = maximumLength
        vocabularySize = logits.count
        try grow([], 1, length: 0, state: state, logits[...], mayEnd: isWord)
    }

    /// Reads beginnings until no better completion can be found, or so many tokens have been read.
    mutating func run(on engine: CPUEngine, stepLimit: Int) throws {
        var steps = 0
        var logits: [Float] = []
        while steps < stepLimit {
            try Task.checkCancellation()
            var batch: [Beginning] = []
            while batch.count < min(Self.batchSize, stepLimit - steps), let next = open.greatest,
                next.probability > least
            {
                batch.append(next)
                _ = open.removeGreatest()
            }
            guard !batch.isEmpty else { return }
            steps += batch.count
            try engine.restoreState(RecurrentState(joining: batch.map(\.state)))
            try engine.advance(batch.map(\.token), logits: &logits)
            let states = engine.recurrentState
            for (row, beginning) in batch.enumerated() {
                let begin = row * vocabularySize
                try grow(
                    beginning.bytes, beginning.probability, length: beginning.length,
                    state: states.rows([row]), logits[begin..<begin + vocabularySize], mayEnd: true)
            }
        }
    }

    /// What a completion must exceed to be among the best.
    private var least: Double {
        completions.count < count ? 0 : completions.last?.probability ?? 0
    }

    /// Finds the end of the word after these letters, and the letters that it may go on with.
    private mutating func grow(
        _ bytes: [UInt8], _ probability: Double, length: Int, state: RecurrentState,
        _ logits: ArraySlice<Float>,
        mayEnd: Bool
    ) throws(GenerationError) {
        let next = try LogProbabilities.of(logits).map { probability * exp($0) }
        // Bytes that are no whole character yet are shown to nobody.
        if mayEnd, let text = String(validating: bytes, as: UTF8.self) {
            insert(text, parts.outside.reduce(0) { $0 + next[Int($1)] })
        }
        for part in parts.inside {
            let (bytes, probability) = (bytes + part.bytes, next[Int(part.token)])
            guard probability > least else { continue }
            if length + 1 < maximumLength {
                open.insert(
                    Beginning(
                        bytes: bytes, probability: probability, length: length + 1, token: part.token,
                        state: state))
            } else if let text = String(validating: bytes, as: UTF8.self) {
                insert(text, probability)
            }
        }
    }

    private mutating func insert(_ text: String, _ probability: Double) {
        guard probability > 0 else { return }
        completions.insert(Completion(text: text, probability: probability), keeping: count) {
            $0.probability
        }
    }
}
