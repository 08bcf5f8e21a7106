import Foundation
import Synchronization
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Measures the surprisal of each line of a file, while the file is read.
    ///
    /// ```swift
    /// for try await line in model.lineScores(contentsOf: log) where line.excess > 20 {
    ///     print(line.number, line.score.text)
    /// }
    /// ```
    ///
    /// Lines are scored as by ``scoreLines(_:precision:threads:)``. Memory holds what is read at once, and the longest
    /// line. Lines of a pipe are scored as soon as they are complete. What is not UTF-8 is part of its line: each maximal
    /// invalid sequence of bytes is read, and scored, as `<unk>`, unless tokens are bytes. When a line is asked for, the
    /// sequence throws `TextError` if the file cannot be read, and what `scoreLines` throws.
    ///
    /// - Parameters:
    ///   - url: A file, a pipe or a device.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The scores in the order of the lines.
    public func lineScores(
        contentsOf url: URL, precision: Precision? = nil, threads: Int? = nil
    ) -> LineScores {
        lineScores(of: .file(url), precision: precision, threads: threads)
    }

    /// Measures the surprisal of each line of a file or of standard input, while it is read.
    ///
    /// - Parameters:
    ///   - source: Where the lines come from.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The scores in the order of the lines, as of a file's.
    public func lineScores(
        of source: LineSource, precision: Precision? = nil, threads: Int? = nil
    ) -> LineScores {
        LineScores(model: self, precision: precision, threads: threads, source: source)
    }

    /// Measures the surprisal of each line of an asynchronous sequence, as the lines come.
    ///
    /// ```swift
    /// for try await line in model.lineScores(of: messages) { print(line) }
    /// ```
    ///
    /// Each line is scored before the next is asked for. A string has U+FFFD where its source was not UTF-8, which is
    /// unknown to a model whose text has none. Of lines that are all there,
    /// ``scoreLines(_:precision:threads:)`` scores many at once, which is faster. The sequence throws what that function
    /// throws, and errors of `lines` unchanged.
    ///
    /// - Parameters:
    ///   - lines: The lines, without line feeds.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The scores in the order of the lines.
    public func lineScores<Lines: AsyncSequence>(
        of lines: Lines, precision: Precision? = nil, threads: Int? = nil
    ) -> AsyncLineScores<Lines> where Lines.Element == String {
        AsyncLineScores(model: self, precision: precision, threads: threads, lines: lines)
    }
}

/// Where lines to score come from.
public enum LineSource: Sendable, Equatable {
    /// A file, a pipe or a device.
    case file(URL)
    /// Standard input.
    case standardInput

    func open() throws(TextError) -> ByteReader {
        switch self {
        case .file(let url): try ByteReader(contentsOf: url)
        case .standardInput: .standardInput
        }
    }
}

/// The surprisal of a line.
public struct LineScore: Sendable, Equatable, CustomStringConvertible {
    /// The line's number, from 1.
    public let number: Int
    /// The line's score.
    public let score: TextScore

    /// By how much the line's most surprising part exceeds the expected surprisal, in nats: 0 for a usual line.
    ///
    /// It distinguishes an unusual line from one that is long, or varies by its nature.
    public var excess: Double { score.span?.excess ?? 0 }

    /// Number, excess and the line with marks around its most surprising part.
    public var description: String { "\(number): \((excess * 10).rounded() / 10): \(score.marked())" }
}

/// The scores of the lines of a file or of standard input, computed while it is read.
public struct LineScores: AsyncSequence, Sendable {
    let model: LanguageModel
    let precision: Precision?
    let threads: Int?
    let source: LineSource

    /// Starts to read the text.
    public func makeAsyncIterator() -> Iterator {
        Iterator(session: Mutex(LineSession(self)))
    }

    /// Reads and scores, off the caller's actor.
    public final class Iterator: AsyncIteratorProtocol, Sendable {
        private let session: Mutex<LineSession>

        init(session: consuming sending Mutex<LineSession>) {
            self.session = session
        }

        /// Returns the next line's score, nil at the end; throws `CancellationError` when the task is canceled.
        @concurrent public func next() async throws -> LineScore? {
            if session.withLock({ $0.turn.isOver() }) { await Task.yield() }
            return try session.withLock { try $0.next() }
        }
    }
}

/// The state of one reading of a text's lines.
struct LineSession {
    private let lines: LineScores
    private var reader: LineReader?
    private var tokenizer: Tokenizer
    /// Scores of lines that were read together, the next one last.
    private var scores: [TextScore] = []
    private var number = 0
    var turn = TaskTurn()

    init(_ lines: LineScores) {
        self.lines = lines
        tokenizer = Tokenizer(lines.model.vocabulary)
    }

    mutating func next() throws -> LineScore? {
        while scores.isEmpty {
            try Task.checkCancellation()
            guard let texts = try nextTexts() else { return nil }
            scores = try lines.model.scores(
                of: texts, areLines: true, tokenizer, precision: lines.precision, threads: lines.threads
            ).reversed()
        }
        number += 1
        return scores.popLast().map { LineScore(number: number, score: $0) }
    }

    private mutating func nextTexts() throws(TextError) -> [TokenizedText]? {
        if reader == nil {
            reader = LineReader(try lines.source.open(), tokens: lines.model.vocabulary.kind)
        }
        guard let block = try reader?.next() else { return nil }
        var texts: [TokenizedText] = []
        block.forEach { texts.append(tokenizer.tokenize(line: $0)) }
        return texts
    }
}

/// The scores of the lines of an asynchronous sequence, each computed when its line comes.
public struct AsyncLineScores<Lines: AsyncSequence>: AsyncSequence where Lines.Element == String {
    let model: LanguageModel
    let precision: Precision?
    let threads: Int?
    let lines: Lines

    /// Starts to read the lines.
    public func makeAsyncIterator() -> Iterator {
        Iterator(scores: self, lines: lines.makeAsyncIterator())
    }

    /// Reads a line and scores it.
    public struct Iterator: AsyncIteratorProtocol {
        let scores: AsyncLineScores
        var lines: Lines.AsyncIterator
        var number = 0

        /// Returns the next line's score, nil at the end; throws `CancellationError` when the task is canceled.
        public mutating func next() async throws -> LineScore? {
            guard let line = try await lines.next() else { return nil }
            number += 1
            let score = try scores.model.scoreLines(
                [line], precision: scores.precision, threads: scores.threads)
            return score.first.map { LineScore(number: number, score: $0) }
        }
    }
}

extension AsyncLineScores: Sendable where Lines: Sendable {}
