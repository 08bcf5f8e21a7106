import UnrollBase
import UnrollGeneration
import UnrollKernels
import UnrollModel

extension LanguageModel {
    /// How the model goes on from a prompt, greedily, as the book shows it.
    package func sample(
        after prompt: String, precision: Precision, threads: Int? = nil
    ) async throws -> String {
        var text = ""
        let options = TextGenerationOptions(length: 120, strategy: .greedy, precision: precision)
        for try await piece in generate(after: prompt, options: options, threads: threads) {
            text += piece.text
        }
        return text
    }
}
