import UnrollEngine
import UnrollModel
import UnrollText

/// Texts that one engine advances together; they join and leave between two tokens.
///
/// The rows of the engine's state are the texts' and some that stand empty until another text joins.
struct BatchPart {
    private let engines: EnginePool
    private var lease: EnginePool.Lease?
    private let vocabularySize: Int
    private var rows: [BatchRow?] = []
    private var recurrentState: RecurrentState
    private var tokens: [Int32] = []
    /// The logits of all rows, `[B, V]`, and of one, `[V]`.
    private var logits: [Float] = []
    private var rowLogits: [Float] = []

    /// Prepares to compute a model with its engines.
    init(_ model: LanguageModel, _ engines: EnginePool) {
        self.engines = engines
        vocabularySize = model.vocabulary.count
        recurrentState = RecurrentState(zerosFor: model.configuration)
    }

    /// The number of texts.
    private var textCount: Int { rows.count { $0 != nil } }

    /// Lets texts in and reads a token of each text.
    ///
    /// - Returns: The number of texts that have left: those that ended, and all when the machine lacks something.
    mutating func step(joining: [BatchRow]) -> Int {
        let count = textCount + joining.count
        do {
            let lease = try lease ?? engines.lease(threads: 1)
            self.lease = lease
            try admit(joining, to: lease.engine)
            if textCount > 0 { try advanceTexts(with: lease.engine) }
        } catch {
            for text in joining { text.feed.finish(throwing: error) }
            for row in rows { row?.feed.finish(throwing: error) }
            rows = []
        }
        return count - textCount
    }

    // MARK: Rows

    /// Puts texts into empty rows, or all into other rows where there are too few or too many.
    private mutating func admit(_ texts: [BatchRow], to engine: any Engine) throws {
        var joining = texts
        joining.removeAll { $0.feed.isCanceled }
        for index in joining.indices.reversed() {
            do {
                try joining[index].begin()
            } catch {
                joining.remove(at: index).feed.finish(throwing: error)
            }
        }
        let (textCount, empty) = (textCount, rows.indices.filter { rows[$0] == nil })
        // A row is computed whether there is a text in it or not.
        let isSparse = empty.count > max(4, (textCount + joining.count) / 2)
        guard !joining.isEmpty || isSparse else { return }
        if textCount > 0 { try engine.copyState(to: &recurrentState) }
        if joining.count > empty.count || isSparse {
            try arrange(joining)
        } else {
            for (row, text) in zip(empty, joining) {
                try recurrentState.setRow(row, to: text.state.recurrentState)
                rows[row] = text
            }
        }
        if !rows.isEmpty { try engine.restoreState(recurrentState) }
    }

    /// Puts all texts one after the other.
    private mutating func arrange(_ joining: [BatchRow]) throws {
        let kept = rows.indices.filter { rows[$0] != nil }
        var states = joining.map(\.state.recurrentState)
        if !kept.isEmpty { states.insert(try recurrentState.rows(kept), at: 0) }
        rows = kept.map { rows[$0] } + joining
        guard let first = states.first else { return }
        // So that no text's bits depend on how many others there are.
        while rows.count < BatchScorer.batchSize(rows.count) {
            rows.append(nil)
            states.append(try first.rows([0]))
        }
        recurrentState = try RecurrentState(joining: states)
    }

    /// Reads a token of each text and chooses the next; those that have ended, or that no one waits for, leave.
    private mutating func advanceTexts(with engine: any Engine) throws {
        tokens.removeAll(keepingCapacity: true)
        for row in rows { tokens.append(row?.next ?? Vocabulary.unknownID) }
        try engine.advance(tokens, logits: &logits)
        var isCopied = false
        for index in rows.indices where rows[index] != nil {
            rowLogits.removeAll(keepingCapacity: true)
            rowLogits += logits[index * vocabularySize..<(index + 1) * vocabularySize]
            do {
                try rows[index]?.advance(rowLogits)
            } catch {
                rows[index]?.feed.finish(throwing: error)
                rows[index] = nil
                continue
            }
            if rows[index]?.hasEnded == true {
                if !isCopied { try engine.copyState(to: &recurrentState) }
                isCopied = true
                rows[index]?.finish(try recurrentState.rows([index]), logits: rowLogits)
                rows[index] = nil
            } else if rows[index]?.feed.isCanceled == true {
                rows[index] = nil
            }
        }
    }
}
