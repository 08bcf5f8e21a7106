// Ways to go on from a text with a trained model: `swift run -c release Continuations unroll-model "The ferr"`.

import ArgumentParser
import Foundation
import Unroll

/// One random continuation, printed as it comes.
func continuation(of prompt: String, with model: LanguageModel) async throws {
    let options = TextGenerationOptions(
        length: 120, temperature: 0.8, minP: 0.05, seed: 7, stopStrings: ["\n\n"])
    for try await piece in model.generate(after: prompt, options: options) {
        print(piece, terminator: "")
    }
    print()
}

/// Several at once, the shortest first.
func samples(of prompt: String, with model: LanguageModel) async throws -> [String] {
    let options = TextGenerationOptions(length: 80, topK: 20, topP: 0.9, stopStrings: ["."])
    return try await model.generateSamples(after: prompt, count: 4, options: options)
        .map(\.text).sorted { $0.count < $1.count }
}

/// The most probable sentence that the beams come upon.
func sentence(after prompt: String, with model: LanguageModel) throws -> String? {
    let options = BeamSearchOptions(width: 8, length: 120, lengthPenalty: 1, stopStrings: ["."])
    return try model.beamSearch(after: prompt, options: options).first?.text
}

/// What a keyboard would offer, from the first key to the last, each read once.
func suggestions(while typing: String, with model: LanguageModel) throws {
    var state: GenerationState?
    for key in typing {
        let next = try model.read(String(key), after: state)
        let best = try model.complete(from: next, count: 3)
        print(key, best.map { "\($0.text) \(Int(100 * $0.probability))%" })
        state = next
    }
}

/// Texts after several prompts, computed together; each is printed when it is complete.
func texts(after prompts: [String], with model: LanguageModel) async throws {
    let generator = try BatchGenerator(model)
    try await withThrowingTaskGroup(of: String.self) { group in
        for prompt in prompts {
            group.addTask {
                var text = prompt
                let request = GenerationRequest(.text(prompt), options: .init(length: 80, minP: 0.05))
                for try await piece in try generator.generate(request) { text += piece.text }
                return text
            }
        }
        for try await text in group { print(text) }
    }
}

@main struct Continuations: AsyncParsableCommand {
    @Argument(help: "A model folder.")
    var model: String

    @Argument(help: "What to go on from.")
    var prompt: String

    func run() async throws {
        let model = try LanguageModel(contentsOf: URL(fileURLWithPath: model, isDirectory: true))
        print("One of many: ", terminator: "")
        try await continuation(of: prompt, with: model)
        for text in try await samples(of: prompt, with: model) { print("Sample:", text) }
        print("The most probable:", try sentence(after: prompt, with: model) ?? "")
        try suggestions(while: prompt, with: model)
        try await texts(after: [prompt, String(prompt.prefix(1))], with: model)
    }
}
