import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Measures the surprisal of a text, token by token.
    ///
    /// The model reads the text as if it were the beginning of a line: after a line feed (or the space that
    /// preprocessing makes of one) and nothing else. If its vocabulary has no such token, as that of words, all tokens
    /// count as equally probable at the beginning. What the vocabulary lacks is read, and scored, as `<unk>`.
    ///
    /// - Parameters:
    ///   - text: The text; it is preprocessed as the model's text was, but nothing is stripped at its end.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The surprisal of each token, and totals.
    /// - Throws: `GenerationError.notANumber` when the model's output is not finite, `KernelError` when threads or memory
    ///   are unavailable, `CancellationError` when the task is canceled.
    public func score(
        _ text: String, precision: Precision? = nil, threads: Int? = nil
    ) throws -> TextScore {
        var tokenizer = Tokenizer(vocabulary)
        var text = text
        let tokenized = text.withUTF8 { tokenizer.tokenize(lineBeginning: $0) }
        return try scores(
            of: [tokenized], areLines: false, tokenizer, precision: precision, threads: threads)[0]
    }

    /// Measures the surprisal of each of several lines, side by side.
    ///
    /// Each is read as by ``score(_:precision:threads:)``, so no score depends on the lines around it (with an embedding,
    /// none beyond rounding). The end of the line is one of its tokens, if the model knows one: a line that breaks off
    /// surprises.
    ///
    /// - Parameters:
    ///   - lines: The lines, without line feeds.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The scores in the order of the lines.
    /// - Throws: `GenerationError.notANumber` when the model's output is not finite, `KernelError` when threads or memory
    ///   are unavailable, `CancellationError` when the task is canceled.
    public func scoreLines(
        _ lines: some Sequence<String>, precision: Precision? = nil, threads: Int? = nil
    ) throws -> [TextScore] {
        var tokenizer = Tokenizer(vocabulary)
        let texts = lines.map { line in
            var line = line
            return line.withUTF8 { tokenizer.tokenize(line: $0) }
        }
        return try scores(of: texts, areLines: true, tokenizer, precision: precision, threads: threads)
    }

    func scores(
        of texts: [TokenizedText], areLines: Bool, _ tokenizer: Tokenizer, precision: Precision?,
        threads: Int?
    ) throws -> [TextScore] {
        return try withEngine(precision: precision, threads: threads) { engine in
            try BatchScorer(engine, start: TextStart(tokenizer, of: vocabulary), vocabulary: vocabulary)
                .scores(of: texts, areLines: areLines)
        }
    }
}

/// Scores several texts side by side, each from the same state, so that no score depends on the others.
struct BatchScorer {
    /// Texts side by side, `B`.
    static let width = 32
    /// Tokens of each between two checks for finished texts, `T`.
    static let sequenceLength = 32

    /// The rows for so many texts, the last one twice if it would be alone in a tile of rows.
    ///
    /// Kernels add up a single row in another order, and a text's last bits would depend on how many others there are.
    static func batchSize(_ count: Int) -> Int { count % 4 == 1 ? count + 1 : count }

    private let engine: any Engine
    private let vocabulary: Vocabulary
    private let start: TextStart

    init(_ engine: any Engine, start: TextStart, vocabulary: Vocabulary) {
        self.engine = engine
        self.start = start
        self.vocabulary = vocabulary
    }

    /// Scores texts, which may be lines with an end.
    func scores(of texts: [TokenizedText], areLines: Bool) throws -> [TextScore] {
        var tokens = texts.map { text in start.score(ofFirstTokenOf: text).map { [$0] } ?? [] }
        let order = texts.indices.sorted { predictionCount(texts[$0]) > predictionCount(texts[$1]) }
        for first in stride(from: 0, to: order.count, by: Self.width) {
            try score(order[first..<min(first + Self.width, order.count)], of: texts, into: &tokens)
        }
        let endLength = areLines && start.separatorID != nil ? 1 : 0
        return texts.indices.map {
            TextScore(texts[$0], tokens: tokens[$0], vocabulary: vocabulary, endLength: endLength)
        }
    }

    /// Scores texts that fit side by side, the longest first.
    private func score(
        _ group: ArraySlice<Int>, of texts: [TokenizedText], into tokens: inout [[TokenScore]]
    ) throws {
        var rows = group
        var minibatch = Minibatch()
        var first = 0
        while true {
            // The state continues without the texts that are finished.
            let count = rows.prefix { predictionCount(texts[$0]) > first }.count
            guard count > 0, let longest = rows.first else { return }
            let batchSize = Self.batchSize(count)
            if first > 0, count < rows.count {
                let kept = (0..<batchSize).map { min($0, count - 1) }
                try engine.restoreState(try engine.recurrentState.rows(kept))
            }
            rows = rows.prefix(count)
            try Task.checkCancellation()
            let sequenceLength = min(Self.sequenceLength, predictionCount(texts[longest]) - first)
            minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: first > 0)
            for row in 0..<batchSize {
                let text = texts[rows[rows.startIndex + min(row, count - 1)]]
                for step in 0..<sequenceLength {
                    let (input, target) = prediction(first + step, of: text)
                    minibatch.inputs[step * batchSize + row] = input
                    minibatch.targets[step * batchSize + row] = target
                }
            }
            _ = try engine.evaluate(minibatch)
            for (row, index) in rows.enumerated() {
                let text = texts[index]
                for step in 0..<min(sequenceLength, predictionCount(text) - first) {
                    let prediction = try engine.prediction(step: step, row: row)
                    guard prediction.loss.isFinite else { throw GenerationError.notANumber }
                    let position = first + step + start.uniformCount
                    tokens[index].append(
                        TokenScore(
                            id: text.ids[position], surprisal: Float(prediction.loss),
                            entropy: Float(prediction.entropy), start: text.starts[position]))
                }
            }
            first += sequenceLength
        }
    }

    /// The number of tokens of a text that the network predicts.
    private func predictionCount(_ text: TokenizedText) -> Int {
        max(text.ids.count - start.uniformCount, 0)
    }

    /// The token that is read and the one that is predicted; `<unk>` beyond the end.
    private func prediction(_ index: Int, of text: TokenizedText) -> (input: Int32, target: Int32) {
        let ids = text.ids
        func id(_ position: Int) -> Int32 { position < ids.count ? ids[position] : Vocabulary.unknownID }
        guard let separatorID = start.separatorID else { return (id(index), id(index + 1)) }
        return (index == 0 ? separatorID : id(index - 1), id(index))
    }
}
