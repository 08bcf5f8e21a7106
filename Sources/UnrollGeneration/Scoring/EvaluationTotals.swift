import Foundation
import UnrollEngine
import UnrollText

/// What an evaluation adds up.
struct EvaluationTotals {
    private(set) var tokens = 0
    private(set) var unknown = 0
    var nats = 0.0
    private let start: TextStart
    private let vocabularySize: Int

    init(_ start: TextStart, vocabularySize: Int) {
        self.start = start
        self.vocabularySize = vocabularySize
    }

    /// Counts the next tokens, the first of which the network may not predict.
    mutating func count(_ ids: [Int32]) throws(EngineError) {
        if tokens == 0, start.uniformCount == 1, let first = ids.first {
            guard (0..<vocabularySize).contains(Int(first)) else {
                throw .tokenOutOfRange(first, vocabularySize: vocabularySize)
            }
            nats += Double(start.uniformSurprisal)
        }
        tokens += ids.count
        for id in ids where id == Vocabulary.unknownID { unknown += 1 }
    }

    func evaluation(by vocabulary: Vocabulary, byteCount: Int?) -> Evaluation {
        Evaluation(
            tokens: tokens, nats: nats,
            bitsPerCharacter: vocabulary.kind == .characters ? nats / log(2) / Double(tokens) : nil,
            bitsPerByte: vocabulary.bitsPerByte(nats: nats, byteCount: byteCount, unknownCount: unknown))
    }
}

/// Makes minibatches of one text whose tokens come in blocks, with the state carried throughout.
struct TokenStrand {
    private let segmentLength: Int
    /// Tokens of which the last, or only one, was predicted.
    private var pending: [Int32]
    private var minibatch = Minibatch()
    private var isFirst = true

    /// Prepares minibatches of so many steps.
    init(after start: TextStart, segmentLength: Int) {
        self.segmentLength = segmentLength
        pending = start.separatorID.map { [$0] } ?? []
    }

    /// Reads all tokens and calls `body` with each minibatch and the sum to add its losses to.
    mutating func read(
        _ next: () throws -> [Int32]?, adding totals: inout EvaluationTotals,
        _ body: (Minibatch, inout Double) throws -> Void
    ) throws {
        while let tokens = try next() {
            try totals.count(tokens)
            pending += tokens
            let whole = max(pending.count - 1, 0) / segmentLength * segmentLength
            for begin in stride(from: 0, to: whole, by: segmentLength) {
                try use(pending[begin...begin + segmentLength], &totals.nats, body)
            }
            pending.removeFirst(whole)
        }
        if pending.count > 1 { try use(pending[...], &totals.nats, body) }
    }

    /// Makes inputs of all these tokens but the last, the targets being one step later.
    private mutating func use(
        _ tokens: ArraySlice<Int32>, _ nats: inout Double, _ body: (Minibatch, inout Double) throws -> Void
    ) throws {
        try Task.checkCancellation()
        minibatch.reshape(sequenceLength: tokens.count - 1, batchSize: 1, continuesState: !isFirst)
        isFirst = false
        minibatch.inputs = Array(tokens.dropLast())
        minibatch.targets = Array(tokens.dropFirst())
        try body(minibatch, &nats)
    }
}
