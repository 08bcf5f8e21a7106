import Foundation
import Synchronization
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Measures how surprised the model is by each line of a file, while the file is read.
    ///
    /// ```swift
    /// for try await line in model.lineScores(contentsOf: log) where line.excess > 20 {
    ///     print(line.number, line.score.text)
    /// }
    /// ```
    ///
    /// Lines are scored as by `scores(ofLines:)`. Memory holds what is read at once, and the longest line. Of a pipe,
    /// lines are scored as they come. Errors are thrown when a line is asked for.
    ///
    /// - Parameters:
    ///   - url: A file, a pipe or a device.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The scores in the order of the lines.
    public func lineScores(
        contentsOf url: URL, precision: Precision = .float32, threads: Int? = nil
    ) -> LineScores {
        LineScores(model: self, precision: precision, threads: threads) { () throws(TextError) in
            try ByteReader(contentsOf: url)
        }
    }

    /// Measures how surprised the model is by each line of standard input.
    public func lineScoresOfStandardInput(
        precision: Precision = .float32, threads: Int? = nil
    ) -> LineScores {
        LineScores(model: self, precision: precision, threads: threads) { .standardInput }
    }
}

/// How surprised a model was by a line.
public struct LineScore: Sendable, Equatable {
    /// Which line it is, counted from 1.
    public let number: Int
    /// The line's score.
    public let score: TextScore

    /// By how much the line's most surprising part was more surprising than expected, in nats: 0 for a usual line.
    ///
    /// This is what tells a line that is out of the ordinary from one that is long, or varies by its nature.
    public var excess: Double { score.span?.excess ?? 0 }
}

/// The scores of a text's lines, computed while they are read.
public struct LineScores: AsyncSequence, Sendable {
    let model: LanguageModel
    let precision: Precision
    let threads: Int?
    let open: @Sendable () throws(TextError) -> ByteReader

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

        /// Returns the next line's score, nil at the end; throws `CancellationError` when the task is cancelled.
        @concurrent public func next() async throws -> LineScore? {
            try session.withLock { try $0.next() }
        }
    }
}

/// The state of one reading of a text's lines.
struct LineSession {
    private let lines: LineScores
    private var reader: LineReader?
    private var tokenizer: Tokenizer
    /// Scores of lines that came together, the next one last.
    private var scores: [TextScore] = []
    private var number = 0

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
        if reader == nil { reader = LineReader(try lines.open(), tokens: lines.model.vocabulary.kind) }
        guard let block = try reader?.next() else { return nil }
        var texts: [TokenizedText] = []
        block.forEach { texts.append(tokenizer.tokenize(line: $0)) }
        return texts
    }
}
