import Foundation
import UnrollEngine
import UnrollText

/// What an evaluation adds up.
struct EvaluationTotals {
    /// The sums of a text, or of a part of it.
    struct Sum: BitwiseCopyable {
        var tokens = 0
        var unknown = 0
        var nats = 0.0
    }

    private(set) var sum = Sum()
    private let start: TextStart
    private let vocabularySize: Int

    init(_ start: TextStart, vocabularySize: Int) {
        self.start = start
        self.vocabularySize = vocabularySize
    }

    /// Counts the next tokens, the first of which the network may not predict.
    mutating func count(_ ids: [Int32]) throws(EngineError) {
        if sum.tokens == 0, start.uniformCount == 1, let first = ids.first {
            guard (0..<vocabularySize).contains(Int(first)) else {
                throw .tokenOutOfRange(first, vocabularySize: vocabularySize)
            }
            sum.nats += Double(start.uniformSurprisal)
        }
        sum.tokens += ids.count
        for id in ids where id == Vocabulary.unknownID { sum.unknown += 1 }
    }

    /// Adds the nats of predicted tokens.
    mutating func add(nats: Double) { sum.nats += nats }

    /// Adds another part.
    mutating func add(_ other: Sum) {
        sum.tokens += other.tokens
        sum.unknown += other.unknown
        sum.nats += other.nats
    }

    func evaluation(by vocabulary: Vocabulary, byteCount: Int?) -> Evaluation {
        Evaluation(
            tokens: sum.tokens, nats: sum.nats,
            bitsPerCharacter: vocabulary.kind == .characters
                ? sum.nats / log(2) / Double(sum.tokens) : nil,
            bitsPerByte: vocabulary.bitsPerByte(
                nats: sum.nats, byteCount: byteCount, unknownCount: sum.unknown))
    }
}

/// The tokens of a text, one block after the other.
struct TokenBlocks {
    /// Tokens that are read at once, and between two reports of progress.
    static let size = 256

    private let tokens: TokenIDs
    private var position = 0

    init(of tokens: TokenIDs) {
        self.tokens = tokens
    }

    /// The part that has been read, in 0...1.
    var fraction: Double { Double(position) / Double(max(tokens.count, 1)) }

    /// The next block; nil at the end.
    mutating func next() -> [Int32]? {
        guard position < tokens.count else { return nil }
        let block = position..<min(position + Self.size, tokens.count)
        position = block.upperBound
        return Array(tokens.part(block))
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

    /// Reads all tokens, and adds what `body` returns for each minibatch: its losses.
    mutating func read(
        _ next: () throws -> [Int32]?, adding totals: inout EvaluationTotals,
        _ body: (Minibatch) throws -> Double
    ) throws {
        while let tokens = try next() {
            try totals.count(tokens)
            pending += tokens
            let whole = max(pending.count - 1, 0) / segmentLength * segmentLength
            for begin in stride(from: 0, to: whole, by: segmentLength) {
                totals.add(nats: try used(pending[begin...begin + segmentLength], body))
            }
            pending.removeFirst(whole)
        }
        if pending.count > 1 { totals.add(nats: try used(pending[...], body)) }
    }

    /// Makes inputs of all these tokens but the last, the targets being one step later.
    private mutating func used(
        _ tokens: ArraySlice<Int32>, _ body: (Minibatch) throws -> Double
    ) throws -> Double {
        try Task.checkCancellation()
        minibatch.reshape(sequenceLength: tokens.count - 1, batchSize: 1, continuesState: !isFirst)
        isFirst = false
        minibatch.inputs = Array(tokens.dropLast())
        minibatch.targets = Array(tokens.dropFirst())
        return try body(minibatch)
    }
}
