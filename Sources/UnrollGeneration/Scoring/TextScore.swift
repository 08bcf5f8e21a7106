import Foundation
import UnrollBase
import UnrollText

/// The surprisal of a text, token by token.
public struct TextScore: Sendable, Equatable, CustomStringConvertible {
    /// The tokens.
    public let tokens: [TokenScore]
    /// The sum of their surprisal, in nats.
    public let nats: Double
    /// Bits per byte of the text, of a line with its end, as a lossless code needs them.
    ///
    /// Nil where the tokens do not determine the bytes: with words, with preprocessing, with a token that the vocabulary
    /// lacks; and for an empty text.
    public let bitsPerByte: Double?
    /// Bits per Unicode scalar as the model reads it; nil if a token is not one character, or there is none.
    public let bitsPerCharacter: Double?
    /// The most surprising part; nil if nothing was more surprising than expected.
    public let span: SurprisingSpan?
    /// The text as the model reads it, of a line with its end, if the model knows one.
    private let bytes: [UInt8]
    /// The number of bytes of that end.
    private let endLength: Int

    init(_ text: TokenizedText, tokens: [TokenScore], vocabulary: Vocabulary, endLength: Int) {
        self.tokens = tokens
        bytes = text.bytes
        self.endLength = min(endLength, bytes.count)
        nats = tokens.reduce(0) { $0 + Double($1.surprisal) }
        span = SurprisingSpan(of: tokens)
        bitsPerByte = vocabulary.bitsPerByte(
            nats: nats, byteCount: bytes.count, unknownCount: tokens.count(where: \.isUnknown))
        bitsPerCharacter =
            vocabulary.kind == .characters && !tokens.isEmpty ? nats / log(2) / Double(tokens.count) : nil
    }

    /// Bits per byte, or else per token, and the text, with marks around the most surprising part, in one line.
    public var description: String {
        let (bits, unit) =
            bitsPerByte.map { ($0, "byte") } ?? (nats / log(2) / Double(max(tokens.count, 1)), "token")
        return "\((bits * 1000).rounded() / 1000) bits per \(unit): \(marked())"
    }

    /// The text as the model reads it, preprocessed; for a line, without its end.
    ///
    /// U+FFFD stands for invalid bytes of a line, which ``textBytes`` has.
    public var text: String {
        String(decoding: textBytes, as: UTF8.self)
    }

    /// The bytes of the text as the model reads it; of a line, they may be no valid UTF-8.
    public var textBytes: [UInt8] { bytes.dropLast(endLength) }

    /// The number of tokens that the vocabulary lacks.
    public var unknownCount: Int { tokens.count(where: \.isUnknown) }

    /// The text of the tokens at some positions, such as those of the span; a line's end is a line feed or a space.
    public func text(of positions: Range<Int>) -> String {
        String(decoding: bytes[byteRange(of: positions)], as: UTF8.self)
    }

    /// The text for display in one line, with marks around the most surprising part.
    ///
    /// "↵" stands for the end of a line. What is invisible, moves the cursor or turns the direction of writing is written
    /// as an escape such as `\t` or `\u{202E}`, an invalid byte as `\xFF`, and a backslash as `\\`.
    public func marked(_ opening: String = "⟦", _ closing: String = "⟧") -> String {
        let end = bytes.count - endLength
        func part(_ range: Range<Int>) -> String { EscapedText.encode(bytes[range]) }
        guard let range = span.map({ byteRange(of: $0.tokens) }) else { return part(0..<end) }
        let (first, last) = (min(range.lowerBound, end), min(range.upperBound, end))
        let lineEnd = range.upperBound > end ? "↵" : ""
        return part(0..<first) + opening + part(first..<last) + lineEnd + closing + part(last..<end)
    }

    /// The bytes of some tokens; a word includes the white space after it.
    package func byteRange(of positions: Range<Int>) -> Range<Int> {
        guard !positions.isEmpty else { return 0..<0 }
        let end = positions.upperBound < tokens.count ? tokens[positions.upperBound].start : bytes.count
        return tokens[positions.lowerBound].start..<end
    }

    /// The bytes of the text as the model reads it.
    package var utf8: [UInt8] { bytes }
}

extension Evaluation {
    /// The totals of a score.
    package init(_ score: TextScore) {
        self.init(
            tokens: score.tokens.count, nats: score.nats, bitsPerCharacter: score.bitsPerCharacter,
            bitsPerByte: score.bitsPerByte)
    }
}

/// The surprisal of one token of a text.
public struct TokenScore: Sendable, Equatable {
    /// The token's id; `Vocabulary.unknownID` stands for everything that the vocabulary lacks.
    public let id: Int32
    /// -ln p, in nats: how improbable the token was after all tokens before it.
    ///
    /// A token that the vocabulary lacks has the probability of `<unk>`, that any unknown token comes.
    public let surprisal: Float
    /// The surprisal to be expected before the token came, the entropy of all that could have come, in nats.
    public let entropy: Float
    /// The token's first byte in the text, in UTF-8.
    public let start: Int

    /// Whether the vocabulary lacks the token.
    public var isUnknown: Bool { id == 0 }
}

/// The most surprising part of a text.
///
/// It is the run of tokens whose surprisal exceeds the model's own expectation by the greatest sum. What varies by its
/// nature, such as the digits of a time, is expected to surprise and does not count. It is found in one pass (Kadane;
/// Bentley, "Programming pearls: algorithm design techniques", 1984).
public struct SurprisingSpan: Sendable, Equatable {
    /// The positions of its tokens among those of the text.
    public let tokens: Range<Int>
    /// The sum of surprisal - entropy over them, in nats; always positive.
    public let excess: Double

    /// Finds the span; nil if nothing was more surprising than expected.
    init?(of tokens: [TokenScore]) {
        var best: (range: Range<Int>, excess: Double)?
        var (start, sum) = (0, 0.0)
        for (index, token) in tokens.enumerated() {
            if sum <= 0 { (start, sum) = (index, 0) }
            sum += Double(token.surprisal) - Double(token.entropy)
            if sum > best?.excess ?? 0 { best = (start..<index + 1, sum) }
        }
        guard let best else { return nil }
        self.tokens = best.range
        excess = best.excess
    }
}
