import UnrollGeneration
import UnrollModel

extension LanguageModel {
    func text(
        after prompt: String, length: Int, strategy: SamplingStrategy = .greedy, seed: UInt64 = 0
    ) async throws -> String {
        try await pieces(after: prompt, length: length, strategy: strategy, seed: seed).joined()
    }

    func pieces(
        after prompt: String, length: Int, strategy: SamplingStrategy = .greedy, seed: UInt64 = 0
    ) async throws -> [String] {
        var pieces: [String] = []
        let options = TextGenerationOptions(length: length, strategy: strategy, seed: seed)
        for try await piece in generate(after: prompt, options: options, threads: 1) {
            pieces.append(piece.text)
        }
        return pieces
    }
}
