import Foundation
import Unroll
import UnrollBase

/// What weights of eight bits cost: how well a text is predicted in int8 and in float32.
struct PrecisionCost: Encodable, CustomStringConvertible {
    let tokens: Int
    let perplexity: Double
    let float32Perplexity: Double
    /// Whether the float32 weights are those before rounding.
    let isOriginal: Bool

    private enum CodingKeys: CodingKey {
        case tokens, perplexity, float32Perplexity, isOriginal
    }

    /// Evaluates both.
    ///
    /// - Parameters:
    ///   - model: The model that is computed in int8.
    ///   - original: The one that is computed in float32: the model itself if nil.
    ///   - text: The text.
    ///   - threads: Threads that compute.
    /// - Throws: What reading and evaluating a text throws.
    init(
        of model: LanguageModel, beside original: LanguageModel?, on text: StoredTextPath, threads: Int?
    ) async throws {
        let isOriginal = original != nil || model.weightFormat == .float32
        func evaluation(of model: LanguageModel, _ precision: Precision) async throws -> Evaluation {
            var reader = try await CorpusReader.tokens(of: text.argument, with: model.vocabulary)
            return try EvaluateCommand.showingProgress { show in
                try model.evaluate(
                    on: &reader, precision: precision, threads: threads, progress: show)
            }
        }
        let rounded = try await evaluation(of: model, .int8)
        let exact = try await evaluation(of: original ?? model, .float32)
        (tokens, perplexity) = (rounded.tokens, rounded.perplexity)
        (float32Perplexity, self.isOriginal) = (exact.perplexity, isOriginal)
    }

    var description: String {
        let change = 100 * (perplexity / float32Perplexity - 1)
        return
            "perplexity     \(NumberFormat.decimal(perplexity)) in int8, \(NumberFormat.decimal(float32Perplexity)) in float32"
            + (isOriginal ? "" : " with the same weights")
            + ", \(change < 0 ? "" : "+")\(NumberFormat.fixed(change, decimals: 2)) %"
    }
}
