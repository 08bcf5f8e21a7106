import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// How well a model predicts a text.
public struct Evaluation: Sendable, Equatable {
    /// Tokens predicted: all but the first.
    public var tokens: Int
    /// The summed negative logarithm of their probabilities.
    public var nats: Double
    /// exp(nats / tokens).
    public var perplexity: Double { exp(nats / Double(max(tokens, 1))) }
    /// Bits per Unicode scalar; nil where a token is not one character.
    public var bitsPerCharacter: Double?
    /// Bits per byte of the preprocessed text; nil where that is not known.
    public var bitsPerByte: Double?
}

extension LanguageModel {
    /// Measures how well the model predicts a text, read as one sequence with the state carried on throughout.
    ///
    /// - Parameters:
    ///   - corpus: The text, as tokens of this model's vocabulary.
    ///   - adaptation: How the model learns from what it has been evaluated on; nil if it does not. This model stays
    ///     as it is.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    ///   - progress: Called now and then with the part that is done, between 0 and 1.
    /// - Returns: The sums over the whole text.
    /// - Throws: `TextError.textTooShort` when there is no token to predict, `GenerationError` when the model or the
    ///   adaptation is not usable, `CancellationError` when the task is canceled.
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
    ///   - adaptation: How the model learns from what it has been evaluated on; nil if it does not. This model stays
    ///     as it is.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The sums over the whole text.
    /// - Throws: `TextError` when the text cannot be read or has no token to predict, `GenerationError` when the model or
    ///   the adaptation is not usable, `CancellationError` when the task is canceled.
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

    /// Adds up the losses of minibatches that `read` makes, of as many steps as it is told, and hands on.
    private func evaluate(
        adapting adaptation: DynamicEvaluation?, precision: Precision, threads: Int?,
        _ read: (_ sequenceLength: Int, _ body: (Minibatch) throws -> Void) throws -> Void
    ) throws -> (tokens: Int, nats: Double) {
        do {
            var (nats, tokens) = (0.0, 0)
            if let adaptation {
                try adaptation.check()
                let engine = try CPUEngine(
                    configuration: configuration, parameters: parameters, precision: precision,
                    threads: threads)
                try read(adaptation.pieceLength) { minibatch in
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
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
    }
}

extension Evaluation {
    fileprivate init(tokens: Int, nats: Double, of kind: TokenKind, tokenCount: Int, byteCount: Int?) {
        let bits = nats / log(2)
        // The first token is given, so it is left out of what the bits are spread over, like the others' share.
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
