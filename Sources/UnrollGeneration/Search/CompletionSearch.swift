import Foundation
import UnrollEngine
import UnrollText

/// A search for the most probable ends of a word, the best first.
///
/// No end is more probable than its beginning. Once the remaining beginnings are less probable than the ends that were
/// found, no better end is missed.
struct CompletionSearch {
    /// Letters that may continue the word.
    private struct Beginning: Comparable {
        let bytes: [UInt8]
        let probability: Double
        /// The number of its tokens.
        let length: Int
        /// The last of its tokens, which is to be read from `state`.
        let token: Int32
        let state: RecurrentState

        static func < (left: Beginning, right: Beginning) -> Bool { left.probability < right.probability }
        static func == (left: Beginning, right: Beginning) -> Bool { left.probability == right.probability }
    }

    /// Beginnings that are read at once: a batch costs little more than one of them, and few are read in vain.
    private static let batchSize = 8

    private let parts: WordParts
    private let vocabularySize: Int
    private let count: Int
    private let maximumLength: Int
    private var open = PriorityQueue<Beginning>()
    /// The most probable first.
    private(set) var completions: [Completion] = []

    /// Starts after what was typed.
    ///
    /// - Parameters:
    ///   - parts: The tokens that words are made of.
    ///   - count: The number of completions to find.
    ///   - maximumLength: Tokens after which a word counts as ended.
    ///   - state: The state after what was typed, of one row.
    ///   - logits: The logits of the token after it, `[V]`.
    ///   - isWord: Whether the word may be complete already.
    /// - Throws: `GenerationError.notANumber` when a logit is not finite.
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

    /// Reads beginnings until no better completion can be found, or so many tokens were read.
    mutating func run(on engine: any Engine, stepLimit: Int) throws {
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
            let states = try engine.recurrentState
            for (row, beginning) in batch.enumerated() {
                let begin = row * vocabularySize
                try grow(
                    beginning.bytes, beginning.probability, length: beginning.length,
                    state: states.rows([row]), logits[begin..<begin + vocabularySize], mayEnd: true)
            }
        }
    }

    /// The probability that a completion must exceed to be among the best.
    private var least: Double {
        completions.count < count ? 0 : completions.last?.probability ?? 0
    }

    /// Finds the end of the word after these letters, and the letters that may continue it.
    private mutating func grow(
        _ bytes: [UInt8], _ probability: Double, length: Int, state: RecurrentState,
        _ logits: ArraySlice<Float>,
        mayEnd: Bool
    ) throws(GenerationError) {
        let next = try LogProbabilities.of(logits).map { probability * exp($0) }
        // Bytes of an incomplete character are not shown.
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

/// Which tokens belong inside a word: those of letters, their marks, and digits.
///
/// Bytes beyond ASCII do as well, since most scripts are written with them.
struct WordParts: Sendable {
    /// A token, and the bytes that it adds to the word.
    struct Part: Sendable {
        let token: Int32
        let bytes: [UInt8]
    }

    let inside: [Part]
    /// Tokens that end a word; `<unk>` is neither.
    let outside: [Int32]

    init(_ vocabulary: Vocabulary) {
        let parts = (1..<Int32(max(vocabulary.count, 1))).map { token in
            Part(token: token, bytes: vocabulary.bytes(of: token))
        }
        inside = parts.filter { Self.isInside($0.bytes) }
        outside = parts.filter { !Self.isInside($0.bytes) }.map(\.token)
    }

    /// Whether a text with this last token stops inside a word, or at its end.
    func isInside(_ token: Int32) -> Bool {
        inside.contains { $0.token == token }
    }

    private static func isInside(_ bytes: [UInt8]) -> Bool {
        if bytes.count == 1, bytes[0] >= 0x80 { return true }
        guard let scalar = String(decoding: bytes, as: UTF8.self).unicodeScalars.first else { return false }
        let category = scalar.properties.generalCategory
        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
            || [.nonspacingMark, .spacingMark, .enclosingMark].contains(category)
    }
}

/// A binary heap, from which the greatest element comes first (Williams: "Algorithm 232: heapsort", 1964).
struct PriorityQueue<Element: Comparable> {
    private var elements: [Element] = []

    var greatest: Element? { elements.first }

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, elements[(child - 1) / 2] < elements[child] {
            elements.swapAt((child - 1) / 2, child)
            child = (child - 1) / 2
        }
    }

    mutating func removeGreatest() -> Element? {
        guard let last = elements.popLast(), let greatest = elements.first else { return elements.popLast() }
        elements[0] = last
        var parent = 0
        while true {
            let (left, right) = (2 * parent + 1, 2 * parent + 2)
            guard left < elements.count else { return greatest }
            let child = right < elements.count && elements[left] < elements[right] ? right : left
            guard elements[parent] < elements[child] else { return greatest }
            elements.swapAt(parent, child)
            parent = child
        }
    }
}
