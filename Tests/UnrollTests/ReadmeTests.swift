import Foundation
import Testing
import Unroll

/// The README's library code, on a text small enough for a test.
@Suite struct ReadmeTests {
    @Test func tenLinesTrainAndGenerate() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "unroll-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }

        let book = try Corpus(
            text: String(repeating: "the quick brown fox jumps over the lazy dog. ", count: 60))
        let trainer = try Trainer(
            corpus: book, model: .init(cell: TanhCell.self, hiddenSize: 64),
            options: .init(epochs: 40, batchSize: 8, sequenceLength: 20))
        for try await event in trainer.run() {
            if case .epoch(let report) = event { #expect(report.perplexity.isFinite) }
        }

        let model = try trainer.languageModel()
        var text = ""
        for try await piece in model.generate(
            after: "the quick ", options: .init(length: 200, temperature: 0.3, seed: 7))
        {
            text += piece.text
        }
        #expect(text.contains("lazy dog"))
        try model.save(to: folder)
        #expect(try LanguageModel(contentsOf: folder).parameters == model.parameters)
    }
}
