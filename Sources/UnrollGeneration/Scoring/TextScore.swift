import Foundation
import UnrollText

/// How surprised a model was by a text, token by token.
public struct TextScore: Sendable, Equatable {
    /// The tokens that were predicted: all, or all but the first where the model has nothing to predict that from.
    public let tokens: [TokenScore]
    /// The sum of their surprises, in nats.
    public let nats: Double
    /// Bits per byte of the tokens that were predicted; 0 when there are none.
    public let bitsPerByte: Double
    /// Bits per Unicode scalar; nil where a token is not one character, or none was predicted.
    public let bitsPerCharacter: Double?
    /// The part that surprised most; nil when nothing was more surprising than expected.
    public let span: SurprisingSpan?
    /// The text as the model reads it; a line has its end with it, if the model knows one.
    private let bytes: [UInt8]
    /// How many bytes at the end are that end.
    private let endLength: Int

    init(_ text: TokenizedText, tokens: [TokenScore], kind: TokenKind, endLength: Int) {
        self.tokens = tokens
        bytes = text.bytes
        self.endLength = endLength
        nats = tokens.reduce(0) { $0 + Double($1.surprisal) }
        span = SurprisingSpan(of: tokens)
        let bits = nats / log(2)
        // A first token that is given is left out of what the bits are spread over, like the others' share.
        let share = Double(tokens.count) / Double(max(text.ids.count, 1))
        bitsPerByte = tokens.isEmpty ? 0 : bits / (Double(bytes.count) * share)
        bitsPerCharacter = kind == .characters && !tokens.isEmpty ? bits / Double(tokens.count) : nil
    }

    /// The text as the model reads it, preprocessed; of a line, without its end.
    public var text: String {
        String(decoding: bytes.dropLast(endLength), as: UTF8.self)
    }

    /// How many tokens the vocabulary lacks.
    public var unknownCount: Int { tokens.count(where: \.isUnknown) }

    /// What the tokens at some positions stand for, such as those of the span; a line's end is a line feed or a space.
    public func text(of positions: Range<Int>) -> String {
        String(decoding: bytes[byteRange(of: positions)], as: UTF8.self)
    }

    /// The text with marks around the part that surprised most, in which "↵" stands for the end of a line.
    public func marked(_ opening: String = "⟦", _ closing: String = "⟧") -> String {
        guard let range = span.map({ byteRange(of: $0.tokens) }) else { return text }
        let end = bytes.count - endLength
        let (first, last) = (min(range.lowerBound, end), min(range.upperBound, end))
        func part(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
        let lineEnd = range.upperBound > end ? "↵" : ""
        return part(0..<first) + opening + part(first..<last) + lineEnd + closing + part(last..<end)
    }

    /// The bytes that some tokens stand for; a word has the white space behind it.
    package func byteRange(of positions: Range<Int>) -> Range<Int> {
        guard !positions.isEmpty else { return 0..<0 }
        let end = positions.upperBound < tokens.count ? tokens[positions.upperBound].start : bytes.count
        return tokens[positions.lowerBound].start..<end
    }

    /// The bytes of the text as the model reads it.
    package var utf8: [UInt8] { bytes }
}

extension Evaluation {
    /// The sums of a score.
    package init(_ score: TextScore) {
        self.init(
            tokens: score.tokens.count, nats: score.nats, bitsPerCharacter: score.bitsPerCharacter,
            bitsPerByte: score.bitsPerByte)
    }
}
