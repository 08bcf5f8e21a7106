import UnrollBase
import UnrollEngine
import UnrollText

/// Scores several texts side by side, each from the same state, so that no score depends on the others.
struct BatchScorer {
    /// Texts side by side, `B`.
    static let width = 32
    /// Tokens of each between two looks at who is finished, `T`.
    static let sequenceLength = 32

    /// The rows for so many texts, the last one twice where a tile of rows would have one alone.
    ///
    /// Kernels add up a single row in another order, and a text's last bits would depend on how many others there are.
    static func batchSize(_ count: Int) -> Int { count % 4 == 1 ? count + 1 : count }

    let engine: CPUEngine
    let kind: TokenKind
    /// What every text is read after, if there is such a token; else its first token is given and not predicted.
    let separatorID: Int32?

    init(_ engine: CPUEngine, tokenizer: Tokenizer, kind: TokenKind) {
        self.engine = engine
        self.kind = kind
        separatorID = tokenizer.separatorID
    }

    /// Scores texts, which are lines with an end or not.
    func scores(of texts: [TokenizedText], areLines: Bool) throws -> [TextScore] {
        var tokens = [[TokenScore]](repeating: [], count: texts.count)
        let order = texts.indices.sorted { predictionCount(texts[$0]) > predictionCount(texts[$1]) }
        for first in stride(from: 0, to: order.count, by: Self.width) {
            try score(order[first..<min(first + Self.width, order.count)], of: texts, into: &tokens)
        }
        let endLength = areLines && separatorID != nil ? 1 : 0
        return texts.indices.map {
            TextScore(texts[$0], tokens: tokens[$0], kind: kind, endLength: endLength)
        }
    }

    /// Scores texts that fit side by side, the longest first.
    private func score(
        _ group: ArraySlice<Int>, of texts: [TokenizedText], into tokens: inout [[TokenScore]]
    ) throws {
        var rows = group
        var minibatch = Minibatch()
        var start = 0
        while true {
            // The state goes on without the texts that are finished.
            let count = rows.prefix { predictionCount(texts[$0]) > start }.count
            guard count > 0, let longest = rows.first else { return }
            let batchSize = Self.batchSize(count)
            if start > 0, count < rows.count {
                let kept = (0..<batchSize).map { min($0, count - 1) }
                try engine.restoreState(engine.recurrentState.rows(kept))
            }
            rows = rows.prefix(count)
            try Task.checkCancellation()
            let sequenceLength = min(Self.sequenceLength, predictionCount(texts[longest]) - start)
            minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: start > 0)
            for row in 0..<batchSize {
                let text = texts[rows[rows.startIndex + min(row, count - 1)]]
                for step in 0..<sequenceLength {
                    let (input, target) = prediction(start + step, of: text)
                    minibatch.inputs[step * batchSize + row] = input
                    minibatch.targets[step * batchSize + row] = target
                }
            }
            _ = try engine.evaluate(minibatch)
            for (row, index) in rows.enumerated() {
                let text = texts[index]
                for step in 0..<min(sequenceLength, predictionCount(text) - start) {
                    let prediction = engine.prediction(step: step, row: row)
                    guard prediction.loss.isFinite else { throw GenerationError.notANumber }
                    let position = start + step + (separatorID == nil ? 1 : 0)
                    tokens[index].append(
                        TokenScore(
                            id: text.ids[position], surprisal: Float(prediction.loss),
                            entropy: Float(prediction.entropy), start: text.starts[position]))
                }
            }
            start += sequenceLength
        }
    }

    /// How many tokens of a text are predicted.
    func predictionCount(_ text: TokenizedText) -> Int {
        separatorID == nil ? max(text.ids.count - 1, 0) : text.ids.count
    }

    /// What goes in and what is predicted; unknown tokens beyond the end.
    func prediction(_ index: Int, of text: TokenizedText) -> (input: Int32, target: Int32) {
        let ids = text.ids
        func id(_ position: Int) -> Int32 { position < ids.count ? ids[position] : Vocabulary.unknownID }
        guard let separatorID else { return (id(index), id(index + 1)) }
        return (index == 0 ? separatorID : id(index - 1), id(index))
    }
}
