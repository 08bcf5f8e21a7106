import Foundation
import Unroll

/// What `unroll evaluate --per-line` prints.
struct LineReport {
    /// How many lines of the greatest excess; nil prints all, in order.
    let top: Int?
    /// The least excess of a line that is printed, in nats.
    let threshold: Double?
    let json: Bool

    /// Prints lines while they are scored or, if only some are wanted, when all are.
    func run(_ lines: LineScores, of file: String) async throws {
        var best: [LineScore] = []
        var (lineCount, tokens, unknown) = (0, 0, 0)
        for try await line in lines {
            lineCount += 1
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
        guard lineCount > 0 else {
            throw TextError.emptyText(file: file == CorpusReader.standardInput ? "standard input" : file)
        }
        if unknown > 0 {
            Standard.error.write("note: \(unknown) of \(tokens) tokens are unknown to the model\n")
        }
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
            NumberFormat.decimal(score.nats), NumberFormat.decimal(score.bitsPerByte), "\(line.number)",
            NumberFormat.decimal(line.excess),
            score.span.map { Self.visible(score.text(of: $0.tokens)) } ?? "",
            Self.visible(score.text),
        ]
        Standard.output.write(columns.joined(separator: "\t") + "\n")
    }

    /// Text in one column: what would begin another, or tell a terminal something, as Swift writes it.
    private static func visible(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: result += scalar.escaped(asASCII: true)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
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
    let bitsPerByte: Double
    let bitsPerCharacter: Nullable<Double>
    let excess: Double
    let span: Nullable<Span>
    let text: String

    init(_ line: LineScore) {
        let score = line.score
        self.line = line.number
        nats = score.nats
        tokens = score.tokens.count
        unknown = score.unknownCount
        bitsPerByte = score.bitsPerByte
        bitsPerCharacter = Nullable(score.bitsPerCharacter)
        excess = line.excess
        span = Nullable(
            score.span.map { span in
                let range = score.byteRange(of: span.tokens)
                return Span(text: score.text(of: span.tokens), start: range.lowerBound, end: range.upperBound)
            })
        text = score.text
    }
}
