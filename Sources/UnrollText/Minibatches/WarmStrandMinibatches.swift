import UnrollBase

/// Reads a text as strands side by side, of every token but the first one prediction that counts.
///
/// Several strands are computed faster than one sequence. So that a strand need not begin without a past, it reads the
/// tokens before its own first, whose predictions do not count.
struct WarmStrandMinibatches: MinibatchSource {
    /// Pieces of equal length side by side, cut into minibatches.
    private struct Part {
        /// Where the pieces begin, one a row.
        let starts: [Int]
        let length: Int
        let sequenceLength: Int
        let counts: Bool
        /// Whether the state is that of the rows of the part before.
        let continuesState: Bool

        var count: Int { (length + sequenceLength - 1) / sequenceLength }
    }

    /// Tokens of the past that a strand begins with; what recurrent networks remember from before is little.
    static let warmUp = 256
    /// Tokens of a strand at least, of which the warm-up must be a small part.
    static let strandLength = 1024
    static let maximumBatchSize = 32
    /// Steps of a minibatch at most.
    private static let maximumSequenceLength = 256

    let count: Int
    private let tokens: TokenIDs
    private let parts: [Part]

    /// Predictions of a part of a text at least that is judged by itself.
    static let partLength = 8 * strandLength

    /// Plans the minibatches, of `tokenCount` tokens at most.
    ///
    /// - Parameters:
    ///   - tokens: The text.
    ///   - tokenCount: Tokens of a minibatch at most; at least 1.
    ///   - hasPast: Whether the text begins with a warm-up whose predictions do not count; it must then be long enough for
    ///     two strands.
    /// - Throws: `ParameterError`; `TextError.textTooShort` when the text has no token to predict.
    init(cutting tokens: TokenIDs, tokenCount: Int, hasPast: Bool = false) throws {
        try ParameterError.require(tokenCount >= 1, "tokenCount", is: tokenCount, but: "at least 1")
        let predictions = tokens.count - 1
        guard predictions >= 1 else {
            throw TextError.textTooShort(
                tokens: tokens.count, needed: 2, batchSize: 1, sequenceLength: tokenCount)
        }
        self.tokens = tokens
        let rows = min(predictions / Self.strandLength, Self.maximumBatchSize)
        parts =
            rows < 2
            ? [Self.strand(at: 0, predictions, of: tokenCount)]
            : Self.strands(rows, of: predictions, tokenCount: tokenCount, hasPast: hasPast)
        count = parts.reduce(0) { $0 + $1.count }
    }

    private static func strand(
        at start: Int, _ length: Int, of tokenCount: Int, counts: Bool = true, continuesState: Bool = false
    ) -> Part {
        Part(
            starts: [start], length: length, sequenceLength: min(tokenCount, maximumSequenceLength),
            counts: counts, continuesState: continuesState)
    }

    /// Without a past, the warm-up of the first strand counts; the tokens at the end that are too few for all strands do
    /// in any case.
    private static func strands(
        _ rows: Int, of predictions: Int, tokenCount: Int, hasPast: Bool
    ) -> [Part] {
        let length = (predictions - warmUp) / rows
        let starts = (0..<rows).map { $0 * length }
        let steps = min(max(tokenCount / rows, 1), maximumSequenceLength)
        var parts = [
            strand(at: 0, warmUp, of: tokenCount, counts: !hasPast),
            Part(
                starts: starts, length: warmUp, sequenceLength: steps, counts: false, continuesState: false),
            Part(
                starts: starts.map { $0 + warmUp }, length: length, sequenceLength: steps, counts: true,
                continuesState: true),
        ]
        let rest = predictions - warmUp - rows * length
        if rest > 0 {
            parts += [
                strand(at: predictions - rest - warmUp, warmUp, of: tokenCount, counts: false),
                strand(at: predictions - rest, rest, of: tokenCount, continuesState: true),
            ]
        }
        return parts
    }

    /// The part of a minibatch, and its place there.
    private func place(of index: Int) -> (part: Part, index: Int) {
        var index = index
        for part in parts.dropLast() {
            if index < part.count { return (part, index) }
            index -= part.count
        }
        return (parts[parts.count - 1], index)
    }

    func counts(at index: Int) -> Bool { place(of: index).part.counts }

    func fill(_ minibatch: inout Minibatch, at index: Int) {
        let (part, index) = place(of: index)
        let start = index * part.sequenceLength
        minibatch.reshape(
            sequenceLength: min(part.sequenceLength, part.length - start), batchSize: part.starts.count,
            continuesState: index > 0 || part.continuesState)
        for (row, first) in part.starts.enumerated() {
            minibatch.setColumn(row, from: tokens, at: first + start)
        }
    }
}
