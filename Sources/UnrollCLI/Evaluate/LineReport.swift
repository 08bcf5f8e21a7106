import Foundation
import Unroll

/// What `unroll evaluate --per-line` prints.
struct LineReport {
    /// How many lines of the greatest excess; nil prints all, in order.
    let top: Int?
    /// The least excess of a line that is printed, in nats.
    let threshold: Double?
    let json: Bool
    /// Whether the lines are texts, and not any bytes.
    let isText: Bool

    /// Prints lines while they are scored or, if only some are wanted, when all are.
    func run(_ lines: LineScores, of file: String) async throws {
        var best: [LineScore] = []
        var (tokens, unknown) = (0, 0)
        for try await line in lines {
            if line.number == 1, isText { noteFormat(of: line.score.textBytes, in: file) }
            tokens += line.score.tokens.count
            unknown += line.score.unknownCount
            guard threshold.map({ line.excess >= $0 }) ?? true else { continue }
            guard let top else {
                try write(line)
                continue
            }
            best.append(line)
            if best.count >= 1000, best.count / 2 >= top { best = Self.greatest(top, of: best) }
        }
        for line in Self.greatest(top ?? 0, of: best) { try write(line) }
        if unknown > 0 {
            Standard.error.say("note: \(unknown) of \(tokens) tokens are unknown to the model")
        }
    }

    /// Says what a file is that is not meant to be read as lines; it is read on, as one odd line must not end a watch.
    private func noteFormat(of bytes: [UInt8], in file: String) {
        let isUTF8 = String(validating: bytes, as: UTF8.self) != nil
        let format = bytes.withUnsafeBufferPointer { FileFormat(of: $0, isUTF8: isUTF8) }
        guard let format else { return }
        let advice = TextConversion.advice(of: format, in: file).map { "; for its text: \($0)" } ?? ""
        Standard.error.say("note: \(file): \(format.rawValue) by its first bytes\(advice)")
    }

    private static func greatest(_ count: Int, of lines: [LineScore]) -> [LineScore] {
        let sorted = lines.sorted { left, right in
            left.excess == right.excess ? left.number < right.number : left.excess > right.excess
        }
        return Array(sorted.prefix(count))
    }

    private func write(_ line: LineScore) throws {
        guard !json else {
            try JSONLine.write(ScoreLine(line))
            return
        }
        let score = line.score
        let columns = [
            NumberFormat.decimal(score.nats), score.bitsPerByte.map { NumberFormat.decimal($0) } ?? "",
            "\(line.number)", NumberFormat.decimal(line.excess),
            score.span.map { EscapedText.encode(score.utf8[score.byteRange(of: $0.tokens)]) } ?? "",
            EscapedText.encode(score.textBytes),
        ]
        Standard.output.write(columns.joined(separator: "\t") + "\n")
    }
}

/// A line of `unroll evaluate --per-line --json`.
private struct ScoreLine: Encodable {
    struct Span: Encodable {
        let text: String
        /// Bytes of the line before it, and before what follows it.
        let start: Int
        let end: Int
    }

    let line: Int
    let nats: Double
    let tokens: Int
    let unknown: Int
    let bitsPerByte: Nullable<Double>
    let bitsPerCharacter: Nullable<Double>
    let excess: Double
    let span: Nullable<Span>
    let text: String
    /// True where the text is not UTF-8: both texts are then written with the escapes that people get.
    let escaped: Bool?

    init(_ line: LineScore) {
        let score = line.score
        let isUTF8 = String(validating: score.textBytes, as: UTF8.self) != nil
        func written(_ bytes: some Collection<UInt8>) -> String {
            isUTF8 ? String(decoding: bytes, as: UTF8.self) : EscapedText.encode(bytes)
        }
        self.line = line.number
        nats = score.nats
        tokens = score.tokens.count
        unknown = score.unknownCount
        bitsPerByte = Nullable(score.bitsPerByte)
        bitsPerCharacter = Nullable(score.bitsPerCharacter)
        excess = line.excess
        span = Nullable(
            score.span.map { span in
                let range = score.byteRange(of: span.tokens)
                return Span(text: written(score.utf8[range]), start: range.lowerBound, end: range.upperBound)
            })
        text = written(score.textBytes)
        escaped = isUTF8 ? nil : true
    }
}
