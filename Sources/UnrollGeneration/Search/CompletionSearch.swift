import Foundation
import UnrollBase
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
        /// What was typed and is not read yet; then there are no letters.
        let typed: ArraySlice<UInt8>
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
    /// Whether what was typed may be a complete word.
    private let isWord: Bool
    private var open = PriorityQueue<Beginning>()
    /// The most probable first.
    private var found: [Completion] = []
    /// The probability that was found of all that begins as typed.
    private var typedProbability = 0.0

    /// The most probable first.
    var completions: [Completion] {
        found.map { Completion(text: $0.text, probability: $0.probability / typedProbability) }
    }

    /// Starts after what was typed.
    ///
    /// - Parameters:
    ///   - parts: The tokens that words are made of.
    ///   - count: The number of completions to find.
    ///   - maximumLength: Tokens after which a word counts as ended.
    ///   - state: The state after what was typed, of one row.
    ///   - logits: The logits of the token after it, `[V]`.
    ///   - typed: What was typed after that state, and may be read as other tokens yet.
    ///   - isWord: Whether the word may be complete already.
    /// - Throws: `GenerationError.notANumber` when a logit is not finite.
    init(
        _ parts: WordParts, count: Int, maximumLength: Int, from state: RecurrentState, logits: [Float],
        typed: [UInt8], isWord: Bool
    ) throws(GenerationError) {
        self.parts = parts
        self.count = count
        self.maximumLength = maximumLength
        vocabularySize = logits.count
        self.isWord = isWord
        let beginning = Beginning(
            bytes: [], typed: typed[...], probability: 1, length: 0, token: 0, state: state)
        if typed.isEmpty { typedProbability = 1 }
        try grow(beginning, state: state, logits[...])
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
                    beginning, state: states.rows([row]), logits[begin..<begin + vocabularySize])
            }
        }
    }

    /// The probability that a completion must exceed to be among the best.
    private var least: Double {
        found.count < count ? 0 : found.last?.probability ?? 0
    }

    /// Finds the end of the word after these letters, and the letters that may continue it.
    private mutating func grow(
        _ beginning: Beginning, state: RecurrentState, _ logits: ArraySlice<Float>
    ) throws(GenerationError) {
        let next = try LogProbabilities.of(logits).map { beginning.probability * exp($0) }
        guard beginning.typed.isEmpty else {
            for part in parts.all { grow(beginning, by: part, next[Int(part.token)], state) }
            return
        }
        // Bytes of an incomplete character are not shown.
        let mayEnd = isWord || !beginning.bytes.isEmpty
        if mayEnd, let text = String(validating: beginning.bytes, as: UTF8.self) {
            insert(text, parts.outside.reduce(0) { $0 + next[Int($1)] })
        }
        for part in parts.inside { grow(beginning, by: part, next[Int(part.token)], state) }
    }

    /// Continues by a token, which may have to begin as typed.
    private mutating func grow(
        _ beginning: Beginning, by part: WordParts.Part, _ probability: Double, _ state: RecurrentState
    ) {
        let typed = beginning.typed
        let isRead = part.bytes.count >= typed.count
        guard isRead ? part.bytes.starts(with: typed) : typed.starts(with: part.bytes) else { return }
        if isRead, !typed.isEmpty { typedProbability += probability }
        guard probability > least else { return }
        let (letters, isEnd) = parts.letters(of: part, after: typed.count)
        let bytes = beginning.bytes + letters
        // The tokens of what was typed do not count.
        let length = beginning.length + (isRead ? 1 : 0)
        if isRead, isEnd || length >= maximumLength {
            let mayEnd = isWord || !bytes.isEmpty
            if mayEnd, let text = String(validating: bytes, as: UTF8.self) {
                insert(text, probability)
            }
        } else {
            open.insert(
                Beginning(
                    bytes: bytes, typed: typed.dropFirst(part.bytes.count), probability: probability,
                    length: length, token: part.token, state: state))
        }
    }

    private mutating func insert(_ text: String, _ probability: Double) {
        guard probability > 0 else { return }
        var completion = Completion(text: text, probability: probability)
        // Characters and bytes make a word in one way only.
        if parts.haveSeveralWays, let index = found.firstIndex(where: { $0.text == text }) {
            completion.probability += found.remove(at: index).probability
        }
        found.insert(completion, keeping: count) { $0.probability }
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

    /// All tokens but `<unk>`.
    let all: [Part]
    /// Tokens that begin inside a word.
    let inside: [Part]
    /// Tokens that end a word; `<unk>` is neither.
    let outside: [Int32]
    /// Whether a word can be made of several tokens or of one.
    let haveSeveralWays: Bool

    init(_ vocabulary: Vocabulary) {
        all = (1..<Int32(max(vocabulary.count, 1))).map { token in
            Part(token: token, bytes: vocabulary.bytes(of: token))
        }
        inside = all.filter { Self.length(inside: $0.bytes[...]) > 0 }
        outside = all.filter { Self.length(inside: $0.bytes[...]) == 0 }.map(\.token)
        haveSeveralWays = vocabulary.kind == .subwords
    }

    /// The bytes that a token adds to the word after what was typed of it, and whether it ends the word.
    func letters(of part: Part, after typedCount: Int) -> (ArraySlice<UInt8>, isEnd: Bool) {
        let rest = part.bytes.dropFirst(typedCount)
        let length = haveSeveralWays ? Self.length(inside: rest) : rest.count
        return (rest.prefix(length), length < rest.count)
    }

    /// Whether a text with these last bytes stops inside a word, or at its end.
    static func endsInside(_ bytes: [UInt8]) -> Bool {
        guard let last = bytes.last else { return false }
        if last >= 0x80, String(validating: bytes, as: UTF8.self) == nil { return true }
        return String(decoding: bytes, as: UTF8.self).unicodeScalars.last.map(isInside) ?? false
    }

    /// The number of bytes at the beginning that belong inside a word.
    private static func length(inside bytes: ArraySlice<UInt8>) -> Int {
        var length = 0
        EscapedText.forEachScalar(of: bytes) { scalar, part in
            let isInside = scalar.map(isInside) ?? true
            if isInside, part.startIndex - bytes.startIndex == length { length += part.count }
        }
        return length
    }

    private static func isInside(_ scalar: Unicode.Scalar) -> Bool {
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType != nil
            || [.nonspacingMark, .spacingMark, .enclosingMark].contains(properties.generalCategory)
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
