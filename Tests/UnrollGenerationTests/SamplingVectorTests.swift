import Foundation
import Testing
import UnrollGeneration
import UnrollText

/// What Hugging Face's logits processors make of logits; see `Tools/oracles/sampling_vectors.py`.
@Suite struct SamplingVectorTests {
    private struct Case: Decodable {
        let logits: [Float]
        let tokens: [Int32]
        let repetitionPenalty: Double?
        let bannedTokens: [Int32]?
        let temperature: Double?
        let topK: Int?
        let topP: Double?
        let minP: Double?
        let hasEqualTokens: Bool
        let probabilities: [Double]
    }

    private func cases() throws -> [Case] {
        let url = try #require(
            Bundle.module.url(forResource: "sampling", withExtension: "json", subdirectory: "Oracles"))
        return try JSONDecoder().decode([Case].self, from: Data(contentsOf: url))
    }

    @Test func probabilitiesAreThoseOfHuggingFace() throws {
        var compared = 0
        for (index, vector) in try cases().enumerated() {
            let vocabulary = try Vocabulary.ideographs(vector.logits.count)
            let banned = (vector.bannedTokens ?? []).compactMap { vocabulary.token($0) }
            let options = TextGenerationOptions(
                temperature: vector.temperature ?? 1, topK: vector.topK, topP: vector.topP ?? 1,
                minP: vector.minP ?? 0, repetitionPenalty: vector.repetitionPenalty ?? 1,
                repetitionWindow: 256, bannedTokens: Set(banned))
            var sampler = try TokenSampler(options, vocabulary: vocabulary)
            sampler.observe(vector.tokens)
            let found = try sampler.probabilities(of: vector.logits)
            expect(found.sorted(), toBe: vector.probabilities.sorted(), index)
            if !vector.hasEqualTokens {
                expect(found, toBe: vector.probabilities, index)
                compared += 1
            }
        }
        #expect(compared > 150)
    }

    private func expect(_ found: [Double], toBe expected: [Double], _ index: Int) {
        #expect(found.count == expected.count, "\(index)")
        for (found, expected) in zip(found, expected) {
            #expect(abs(found - expected) <= 1e-11 + 1e-9 * expected, "\(index)")
            #expect((found == 0) == (expected == 0) || found < 1e-300, "\(index)")
        }
    }
}

extension Vocabulary {
    /// A vocabulary of so many tokens, `<unk>` included.
    static func ideographs(_ count: Int) throws -> Vocabulary {
        let scalars = (1..<count).compactMap { Unicode.Scalar(0x4E00 + $0) }
        return try Corpus(text: String(String.UnicodeScalarView(scalars))).vocabulary
    }
}
