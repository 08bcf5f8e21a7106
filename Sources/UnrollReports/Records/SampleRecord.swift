import UnrollBase
import UnrollGeneration
import UnrollKernels
import UnrollModel

/// A line of `samples.jsonl`: the model's greedy continuation of a prompt after an epoch.
package struct SampleRecord: Codable, Equatable, Sendable {
    static let fileName = "samples.jsonl"

    /// The epoch, counted from 1.
    package var epoch: Int
    /// The number of minibatches of all epochs so far.
    package var step: Int?
    package var prompt: String
    /// The continuation, without the prompt.
    package var text: String

    package init(epoch: Int, step: Int? = nil, prompt: String, text: String) {
        self.epoch = epoch
        self.step = step
        self.prompt = prompt
        self.text = text
    }

    /// Whether to keep a sample after an epoch: after 1, 2, 4, 8 …, since a model learns most at the beginning.
    static func isDue(after epoch: Int) -> Bool {
        epoch > 0 && epoch & (epoch - 1) == 0
    }
}

extension LanguageModel {
    /// Returns the greedy continuation of a prompt by 120 tokens, as samples of a run record it.
    ///
    /// - Throws: The errors of `generate(after:options:threads:)`.
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
