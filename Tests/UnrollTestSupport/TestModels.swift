import Foundation
import Testing
import UnrollBase
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// A model that has not learned anything, with a vocabulary of the text.
    package static func untrained(
        text: String, tokens: TokenKind = .characters, hiddenSize: Int = 7, seed: UInt64 = 1,
        ngrams: NGramConfiguration? = nil, change: (inout ModelParameters) -> Void = { _ in }
    ) throws -> LanguageModel {
        let corpus = try Corpus(text: text, tokens: tokens), vocabulary = corpus.vocabulary
        let configuration = ModelConfiguration(hiddenSize: hiddenSize, ngrams: ngrams)
        var parameters = try ModelParameters(
            for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: seed)
        change(&parameters)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary, parameters: parameters,
            ngrams: ngrams.map {
                try NGramModel(of: corpus.tokens, vocabularySize: vocabulary.count, order: $0.order)
            })
    }

    /// A model whose logits are these at every step, whatever it has read; the first is that of `<unk>`.
    package static func constant(logits: [Float]) throws -> LanguageModel {
        let letters = String("abcdefghijklmnopqrstuvwxyz".prefix(logits.count - 1))
        return try untrained(text: letters) { parameters in
            parameters.fill("decoder.weight", with: 0)
            parameters.set("decoder.bias", to: logits)
        }
    }
}

extension ModelParameters {
    package mutating func set(_ name: String, to values: [Float]) {
        for index in entries.indices where entries[index].name == name { entries[index].values = values }
    }

    package mutating func fill(_ name: String, with value: Float) {
        set(name, to: [Float](repeating: value, count: self[name]?.values.count ?? 0))
    }
}

/// Expects an `UnrollError` with a description of one line.
package func expectGenerationError(
    _ expected: GenerationError? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    from body: () async throws -> Void
) async {
    let error = await #expect(throws: (any Error).self, sourceLocation: sourceLocation) {
        try await body()
    }
    #expect(error is any UnrollError || error is KernelError, sourceLocation: sourceLocation)
    #expect(error.map { "\($0)".contains("\n") } == false, sourceLocation: sourceLocation)
    if let expected { #expect(error as? GenerationError == expected, sourceLocation: sourceLocation) }
}

/// Expects this error, with a description of one line.
package func expectError<Failure: Error & Equatable>(
    _ expected: Failure, sourceLocation: SourceLocation = #_sourceLocation,
    from body: () async throws -> Void
) async {
    let error = await #expect(throws: Failure.self, sourceLocation: sourceLocation) { try await body() }
    #expect(error == expected, sourceLocation: sourceLocation)
    #expect(error.map { "\($0)".contains("\n") } == false, sourceLocation: sourceLocation)
}

/// Expects an `UnrollError` with a description of one line that contains the texts.
package func expectError(
    naming texts: String..., sourceLocation: SourceLocation = #_sourceLocation, from body: () throws -> Void
) {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try body() }
    #expect(error is any UnrollError, sourceLocation: sourceLocation)
    let description = (error as? any UnrollError)?.description ?? ""
    #expect(!description.contains("\n"), sourceLocation: sourceLocation)
    #expect(error?.localizedDescription == description, sourceLocation: sourceLocation)
    for text in texts {
        #expect(description.contains(text), sourceLocation: sourceLocation)
    }
}
