import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// How well a model predicts a text.
///
/// Every token is predicted from those before it, the first one too. The model reads the text as the beginning of a line:
/// after a line feed, or the space that preprocessing makes of one. Where the vocabulary has no such token, as that of
/// words, the first token has the probability 1/`V`.
public struct Evaluation: Sendable, Equatable, CustomStringConvertible {
    /// Tokens of the text.
    public var tokens: Int
    /// The sum of their surprisal, in nats.
    public var nats: Double
    /// exp(nats / tokens).
    public var perplexity: Double { exp(nats / Double(max(tokens, 1))) }
    /// Bits per Unicode scalar as the model reads it; nil if a token is not one character.
    public var bitsPerCharacter: Double?
    /// Bits per byte of the text, as a lossless code needs them: nats / ln 2 / bytes.
    ///
    /// Nil where the tokens do not determine the bytes: with words, with preprocessing, with a token that the vocabulary
    /// lacks. Nil also for a part of a text whose length in bytes is unknown.
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
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    ///   - progress: Is called from time to time with the part that is done, in 0...1.
    /// - Returns: The totals of the whole text.
    /// - Throws: `ParameterError` for an adaptation that is out of range, `GenerationError.adaptationDiverged` or
    ///   `.notANumber`, `EngineError` for tokens of another vocabulary, `KernelError` when threads or memory are
    ///   unavailable, `CancellationError` when the task is canceled.
    public func evaluate(
        on corpus: Corpus, adapting adaptation: DynamicEvaluation? = nil, precision: Precision? = nil,
        threads: Int? = nil, progress: (Double) -> Void = { _ in }
    ) throws -> Evaluation {
        var blocks = TokenBlocks(of: corpus.tokens)
        return try evaluate(adapting: adaptation, precision: precision, threads: threads) {
            progress(blocks.fraction)
            return blocks.next()
        }.evaluation(by: vocabulary, byteCount: corpus.byteCount)
    }

    /// Measures how well the model predicts the text in a file, which may be larger than memory.
    ///
    /// - Parameters:
    ///   - url: A file, a folder whose files are read as one text, a pipe or a device.
    ///   - adaptation: How a copy of the model learns from what it was evaluated on. Default: not at all.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The totals of the whole text.
    /// - Throws: `TextError` when the text cannot be read or has no token, and as for a corpus.
    public func evaluate(
        contentsOf url: URL, adapting adaptation: DynamicEvaluation? = nil, precision: Precision? = nil,
        threads: Int? = nil
    ) throws -> Evaluation {
        var reader = try TokenReader(contentsOf: url, vocabulary: vocabulary)
        return try evaluate(on: &reader, adapting: adaptation, precision: precision, threads: threads)
    }

    /// Measures how well the model predicts a text while it is read.
    package func evaluate(
        on reader: inout TokenReader, adapting adaptation: DynamicEvaluation? = nil, precision: Precision?,
        threads: Int?, progress: (Double) -> Void = { _ in }
    ) throws -> Evaluation {
        let totals = try evaluate(adapting: adaptation, precision: precision, threads: threads) {
            if reader.expectedByteCount > 0 {
                progress(min(Double(reader.byteCount) / Double(reader.expectedByteCount), 1))
            }
            return try reader.next()
        }
        guard totals.sum.tokens > 0 else { throw TextError.emptyText(file: reader.name) }
        return totals.evaluation(by: vocabulary, byteCount: reader.byteCount)
    }

    /// Adds up the surprisal of a text whose tokens `next` returns one block after another, nil at the end.
    func evaluate(
        adapting adaptation: DynamicEvaluation?, precision: Precision?, threads: Int?,
        _ next: () throws -> [Int32]?
    ) throws -> EvaluationTotals {
        let start = TextStart(Tokenizer(vocabulary), of: vocabulary)
        var totals = EvaluationTotals(start, vocabularySize: vocabulary.count)
        if let adaptation {
            try adaptation.check()
            let engine = try makeEngine(EngineSettings(precision: precision ?? .float32, threads: threads))
            var strand = TokenStrand(after: start, segmentLength: adaptation.segmentLength)
            try strand.read(next, adding: &totals) { minibatch in
                let step = try engine.train(on: minibatch, with: adaptation.optimizer)
                guard step.isFinite else {
                    throw GenerationError.adaptationDiverged(
                        learningRate: adaptation.optimizer.learningRate)
                }
                return step.meanLoss * Double(minibatch.tokenCount)
            }
        } else {
            var strand = TokenStrand(after: start, segmentLength: TokenBlocks.size)
            try withEngine(precision: precision, threads: threads) { engine in
                try strand.read(next, adding: &totals) { try engine.evaluate($0) }
            }
        }
        guard totals.sum.nats.isFinite else { throw GenerationError.notANumber }
        return totals
    }
}

extension Vocabulary {
    /// The bits per byte of a text that takes so many nats; nil where its tokens do not determine its bytes.
    func bitsPerByte(nats: Double, byteCount: Int?, unknownCount: Int) -> Double? {
        guard determinesBytes, unknownCount == 0, let byteCount, byteCount > 0 else { return nil }
        return nats / log(2) / Double(byteCount)
    }
}

/// How a model learns from a text while it is evaluated on it: from each segment after it was scored, never before.
///
/// After Krause, Kahembwe, Murray, Renals, "Dynamic evaluation of neural sequence models", ICML 2018: a step on the mean loss
/// of each segment, which is divided, weight by weight, by the root of the mean square of its gradients. Here these squares are
/// those of the text that is read and not of the one that was trained on, and nothing pulls weights back to what they were:
/// neither gained anything on Tiny Shakespeare.
public struct DynamicEvaluation: Sendable, Equatable {
    /// What makes a step of a segment's gradient; its learning rate is positive.
    ///
    /// Default: ``scaledSteps(learningRate:)``.
    public var optimizer: Optimizer
    /// Tokens from one step to the next, as far as gradients reach back, at least 1.
    ///
    /// Default: 20.
    public var segmentLength: Int

    /// Creates a dynamic evaluation.
    public init(optimizer: Optimizer = Self.scaledSteps(), segmentLength: Int = 20) {
        self.optimizer = optimizer
        self.segmentLength = segmentLength
    }

    /// Steps that are scaled by the root of the mean square of a weight's gradients: those of Adam without momentum.
    ///
    /// Its epsilon is as large as most roots are, so that weights that rarely matter do not take large steps.
    ///
    /// - Parameter learningRate: The size of the steps, positive. Default: 0.001.
    /// - Returns: The optimizer.
    public static func scaledSteps(learningRate: Float = 0.001) -> Optimizer {
        Optimizer(rule: .adam(beta1: 0, beta2: 0.999, epsilon: 1e-3), learningRate: learningRate)
    }

    func check() throws(ParameterError) {
        let rate = optimizer.learningRate
        try ParameterError.require(
            rate > 0 && rate.isFinite, "learningRate", is: rate, but: "positive and finite")
        try optimizer.check()
        try ParameterError.require(segmentLength >= 1, "segmentLength", is: segmentLength, but: "at least 1")
    }
}
