import Foundation
import UnrollCore
import UnrollEngine
import UnrollKernels
import UnrollStorage
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
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    ///   - progress: Called now and then with the part that is done, between 0 and 1.
    /// - Returns: The sums over the whole text.
    /// - Throws: `GenerationError` when the text is too short, `CancellationError` when the task is cancelled.
    public func evaluate(
        on corpus: Corpus, precision: Precision = .float32, threads: Int? = nil,
        progress: (Double) -> Void = { _ in }
    ) throws -> Evaluation {
        do {
            let engine = try CPUEngine(
                configuration: configuration, parameters: parameters, precision: precision, threads: threads)
            let source = try corpus.tokens.strand(timeSteps: 256)
            var minibatch = Minibatch()
            var (nats, tokens) = (0.0, 0)
            for index in 0..<source.count {
                try Task.checkCancellation()
                source.fill(&minibatch, at: index)
                nats += try engine.evaluate(minibatch)
                tokens += minibatch.tokenCount
                progress(Double(index + 1) / Double(source.count))
            }
            guard nats.isFinite else { throw GenerationError.notANumber }
            let bits = nats / log(2)
            // The first token is given, so it is left out of what the bits are spread over, like the others' share.
            let share = Double(tokens) / Double(max(corpus.tokens.count, 1))
            return Evaluation(
                tokens: tokens, nats: nats,
                bitsPerCharacter: corpus.vocabulary.kind == .characters ? bits / Double(tokens) : nil,
                bitsPerByte: corpus.byteCount.map { bits / (Double($0) * share) })
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        } catch let error as TextError {
            throw GenerationError.text(error)
        }
    }
}
