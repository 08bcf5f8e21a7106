import Foundation
import Testing
import UnrollCore
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollStorage
import UnrollText
import UnrollTraining

extension LanguageModel {
    /// A model that has not learnt anything, with a vocabulary of the text.
    static func untrained(
        text: String, tokens: TokenKind = .characters, hiddenSize: Int = 7, seed: UInt64 = 1,
        change: (inout Parameters) -> Void = { _ in }
    ) throws -> LanguageModel {
        let vocabulary = try Corpus(text: text, tokens: tokens).vocabulary
        let configuration = ModelConfiguration(hiddenSize: hiddenSize)
        var parameters = try Parameters(
            for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: seed)
        change(&parameters)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters)
    }

    /// A model whose logits are these at every step, whatever it has read; the first is that of `<unk>`.
    static func constant(logits: [Float]) throws -> LanguageModel {
        let letters = String("abcdefghijklmnopqrstuvwxyz".prefix(logits.count - 1))
        return try untrained(text: letters) { parameters in
            parameters.fill("decoder.weight", with: 0)
            parameters.set("decoder.bias", to: logits)
        }
    }

    func text(
        after prompt: String, length: Int, strategy: SamplingStrategy = .greedy, seed: UInt64 = 0
    ) async throws -> String {
        try await pieces(after: prompt, length: length, strategy: strategy, seed: seed).joined()
    }

    func pieces(
        after prompt: String, length: Int, strategy: SamplingStrategy = .greedy, seed: UInt64 = 0
    ) async throws -> [String] {
        var pieces: [String] = []
        let options = GenerationOptions(length: length, strategy: strategy, seed: seed)
        for try await piece in generate(after: prompt, options: options, threads: 1) {
            pieces.append(piece.text)
        }
        return pieces
    }
}

extension Parameters {
    mutating func set(_ name: String, to values: [Float]) {
        for index in entries.indices where entries[index].name == name { entries[index].values = values }
    }

    mutating func fill(_ name: String, with value: Float) {
        set(name, to: [Float](repeating: value, count: self[name]?.values.count ?? 0))
    }
}

/// Expects a `GenerationError` with a description of one line.
func expectGenerationError(
    _ expected: GenerationError? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    from body: () async throws -> Void
) async {
    let error = await #expect(throws: GenerationError.self, sourceLocation: sourceLocation) {
        try await body()
    }
    #expect(error?.description.contains("\n") == false, sourceLocation: sourceLocation)
    if let expected { #expect(error == expected, sourceLocation: sourceLocation) }
}
