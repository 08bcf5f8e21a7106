import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// How well a model predicts a text.
public struct Evaluation: Sendable, Equatable, CustomStringConvertible {
    /// Tokens that were predicted: all but the first.
    public var tokens: Int
    /// The sum of their surprisal, in nats.
    public var nats: Double
    /// exp(nats / tokens).
    public var perplexity: Double { exp(nats / Double(max(tokens, 1))) }
    /// Bits per Unicode scalar; nil if a token is not one character.
    public var bitsPerCharacter: Double?
    /// Bits per byte of the preprocessed text; nil if its length is unknown.
    public var bitsPerByte: Double?

    /// Perplexity, tokens and bits in one line.
    public var description: String {
        func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
        let bits = [
            bitsPerCharacter.map { "\(rounded($0)) bits per character" },
            bitsPerByte.map { "\(rounded($0)) bits per byte" },
        ].compactMap(\.self)
        return (["perplexity \(rounded(perplexity)) of \(tokens) tokens"] + bits).joined(separator: ", ")
    }
}

extension LanguageModel {
    /// Measures how well the model predicts a text, read as one sequence with the state carried throughout.
    ///
    /// - Parameters:
    ///   - corpus: The text, as tokens of this model's vocabulary.
    ///   - adaptation: How a copy of the model learns from what it was evaluated on. Default: not at all.
    ///   - precision: The number format of matrix-multiplication operands. Default: float32.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    ///   - progress: Is called from time to time with the part that is done, in 0...1.
    /// - Returns: The totals of the whole text.
    /// - Throws: `TextError` when the text is too short, `ParameterError` for an adaptation that is out of range,
    ///   `GenerationError.adaptationDiverged` or `.notANumber`, `EngineError` for tokens of another vocabulary,
    ///   `KernelError` when threads or memory are unavailable, `CancellationError` when the task is cancelled.
    public func evaluate(
        on corpus: Corpus, adapting adaptation: DynamicEvaluation? = nil, precision: Precision = .float32,
        threads: Int? = nil, progress: (Double) -> Void = { _ in }
    ) throws -> Evaluation {
        let kind = corpus.vocabulary.kind
        let (tokens, nats) = try evaluate(adapting: adaptation, precision: precision, threads: threads) {
            sequenceLength, body throws in
            let source = try corpus.tokens.strand(sequenceLength: sequenceLength)
            var minibatch = Minibatch()
            for index in 0..<source.count {
                source.fill(&minibatch, at: index)
                try body(minibatch)
                progress(Double(index + 1) / Double(source.count))
            }
        }
        return Evaluation(
            tokens: tokens, nats: nats, of: kind, tokenCount: corpus.tokens.count, byteCount: corpus.byteCount
        )
    }

    /// Measures how well the model predicts the text in a file, which may be larger than memory.
    ///
    /// - Parameters:
    ///   - url: A file, a folder whose files are read as one text, a pipe or a device.
    ///   - adaptation: How a copy of the model learns from what it was evaluated on. Default: not at all.
    ///   - precision: The number format of matrix-multiplication operands. Default: float32.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The totals of the whole text.
    /// - Throws: `TextError` when the text cannot be read or is too short, and as for a corpus.
    public func evaluate(
        contentsOf url: URL, adapting adaptation: DynamicEvaluation? = nil, precision: Precision = .float32,
        threads: Int? = nil
    ) throws -> Evaluation {
        var reader = try TokenReader(contentsOf: url, vocabulary: vocabulary)
        return try evaluate(on: &reader, adapting: adaptation, precision: precision, threads: threads)
    }

    /// Measures how well the model predicts a text while it is read.
    package func evaluate(
        on reader: inout TokenReader, adapting adaptation: DynamicEvaluation? = nil, precision: Precision,
        threads: Int?, progress: (Double) -> Void = { _ in }
    ) throws -> Evaluation {
        let (tokens, nats) = try evaluate(adapting: adaptation, precision: precision, threads: threads) {
            sequenceLength, body throws in
            var minibatch = Minibatch()
            var (pending, isFirst) = ([Int32](), true)
            while let next = try reader.next() {
                pending += next
                let whole = (pending.count - 1) / sequenceLength * sequenceLength
                for start in stride(from: 0, to: max(whole, 0), by: sequenceLength) {
                    minibatch.setStrand(pending[start...start + sequenceLength], continuesState: !isFirst)
                    isFirst = false
                    try body(minibatch)
                }
                pending.removeFirst(max(whole, 0))
                if reader.expectedByteCount > 0 {
                    progress(min(Double(reader.byteCount) / Double(reader.expectedByteCount), 1))
                }
            }
            if pending.count > 1 {
                minibatch.setStrand(pending[...], continuesState: !isFirst)
                try body(minibatch)
            }
            guard reader.tokenCount > 0 else { throw TextError.emptyText(file: reader.name) }
            guard reader.tokenCount > 1 else {
                throw TextError.textTooShort(tokens: 1, needed: 2, batchSize: 1, sequenceLength: 1)
            }
        }
        return Evaluation(
            tokens: tokens, nats: nats, of: vocabulary.kind, tokenCount: reader.tokenCount,
            byteCount: reader.byteCount)
    }

    /// Adds up the losses of the minibatches that `read` makes, of the given sequence length, and passes on.
    private func evaluate(
        adapting adaptation: DynamicEvaluation?, precision: Precision, threads: Int?,
        _ read: (_ sequenceLength: Int, _ body: (Minibatch) throws -> Void) throws -> Void
    ) throws -> (tokens: Int, nats: Double) {
        var (nats, tokens) = (0.0, 0)
        if let adaptation {
            try adaptation.check()
            let engine = try makeEngine(EngineSettings(precision: precision, threads: threads))
            try read(adaptation.segmentLength) { minibatch in
                try Task.checkCancellation()
                let step = try engine.train(on: minibatch, with: adaptation.optimizer)
                guard step.isFinite else {
                    throw GenerationError.adaptationDiverged(learningRate: adaptation.learningRate)
                }
                nats += step.meanLoss * Double(minibatch.tokenCount)
                tokens += minibatch.tokenCount
            }
        } else {
            try withEngine(precision: precision, threads: threads) { engine in
                try read(256) { minibatch in
                    try Task.checkCancellation()
                    nats += try engine.evaluate(minibatch)
                    tokens += minibatch.tokenCount
                }
            }
        }
        guard nats.isFinite else { throw GenerationError.notANumber }
        return (tokens, nats)
    }
}

extension Evaluation {
    fileprivate init(tokens: Int, nats: Double, of kind: TokenKind, tokenCount: Int, byteCount: Int?) {
        let bits = nats / log(2)
        // The first token is given, so it does not count among the bytes that the bits are spread over.
        let share = Double(tokens) / Double(max(tokenCount, 1))
        self.init(
            tokens: tokens, nats: nats,
            bitsPerCharacter: kind == .characters ? bits / Double(tokens) : nil,
            bitsPerByte: byteCount.map { bits / (Double($0) * share) })
    }
}

extension Minibatch {
    /// Makes one sequence of all these tokens but the last, the targets being one step later.
    fileprivate mutating func setStrand(_ tokens: ArraySlice<Int32>, continuesState: Bool) {
        reshape(sequenceLength: tokens.count - 1, batchSize: 1, continuesState: continuesState)
        for step in 0..<sequenceLength {
            inputs[step] = tokens[tokens.startIndex + step]
            targets[step] = tokens[tokens.startIndex + step + 1]
        }
    }
}

/// How a model learns from a text while it is evaluated on it: from each segment after it was scored, never before.
///
/// This is the simple form of Krause, Kahembwe, Murray, Renals, "Dynamic evaluation of neural sequence models", ICML 2018:
/// a step of stochastic gradient descent on the mean loss of each segment, and no decay toward the first parameters.
public struct DynamicEvaluation: Sendable, Equatable {
    /// The size of the steps, positive.
    ///
    /// Default: 0.03.
    public var learningRate: Float
    /// Tokens from one step to the next, as far as gradients reach back, at least 1.
    ///
    /// Default: 20.
    public var segmentLength: Int
    /// The greatest norm of a gradient; nil for no limit.
    ///
    /// Default: 1.
    public var maxGradientNorm: Float?

    /// Creates a dynamic evaluation.
    public init(learningRate: Float = 0.03, segmentLength: Int = 20, maxGradientNorm: Float? = 1) {
        self.learningRate = learningRate
        self.segmentLength = segmentLength
        self.maxGradientNorm = maxGradientNorm
    }

    func check() throws(ParameterError) {
        try ParameterError.require(
            learningRate > 0 && learningRate.isFinite, "learningRate", is: learningRate,
            but: "positive and finite")
        try ParameterError.require(segmentLength >= 1, "segmentLength", is: segmentLength, but: "at least 1")
    }

    var optimizer: Optimizer {
        Optimizer(rule: .sgd, learningRate: learningRate, maxGradientNorm: maxGradientNorm)
    }
}
