import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Measures how surprised the model is by a text, token by token.
    ///
    /// The model reads the text as if it were the beginning of a line: after a line feed (or the space that
    /// preprocessing makes of one) and nothing else. If it knows no such token, as a model of words, the first token is
    /// given and not scored. What the vocabulary lacks is read, and scored, as `<unk>`.
    ///
    /// - Parameters:
    ///   - text: What to score; it is preprocessed as the model's text was.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The surprisal of each token, and what follows from it.
    /// - Throws: `GenerationError`, `CancellationError` when the task is cancelled.
    public func score(
        of text: String, precision: Precision = .float32, threads: Int? = nil
    ) throws -> TextScore {
        var tokenizer = Tokenizer(vocabulary)
        var text = text
        let tokenized = text.withUTF8 { tokenizer.tokenize($0) }
        return try scores(
            of: [tokenized], areLines: false, tokenizer, precision: precision, threads: threads)[0]
    }

    /// Measures how surprised the model is by each of several lines, side by side.
    ///
    /// Each is read as by `score(of:)`, so no score depends on the lines around it (with an embedding, none beyond
    /// rounding), and its end is a token of it, if the model knows one: a line that breaks off surprises.
    ///
    /// - Parameters:
    ///   - lines: What to score, without line feeds.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The scores in the order of the lines.
    /// - Throws: `GenerationError`, `CancellationError` when the task is cancelled.
    public func scores(
        ofLines lines: some Sequence<String>, precision: Precision = .float32, threads: Int? = nil
    ) throws -> [TextScore] {
        var tokenizer = Tokenizer(vocabulary)
        let texts = lines.map { line in
            var line = line
            return line.withUTF8 { tokenizer.tokenize(line: $0) }
        }
        return try scores(of: texts, areLines: true, tokenizer, precision: precision, threads: threads)
    }

    func scores(
        of texts: [TokenizedText], areLines: Bool, _ tokenizer: Tokenizer, precision: Precision,
        threads: Int?
    ) throws -> [TextScore] {
        do {
            return try withEngine(precision: precision, threads: threads) { engine in
                try BatchScorer(engine, tokenizer: tokenizer, kind: vocabulary.kind)
                    .scores(of: texts, areLines: areLines)
            }
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
    }
}
