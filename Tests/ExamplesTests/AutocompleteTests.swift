import Autocomplete
import Testing
import Unroll

@Suite struct AutocompleteTests {
    @Test func whatIsTypedKeyByKeyIsCompletedAsAtOnce() async throws {
        let text = String(repeating: "the quick brown fox jumps over the lazy dog. ", count: 60)
        let trainer = try Trainer(
            corpus: Corpus(text: text), model: ModelConfiguration(cell: GRUCell.self, hiddenSize: 64),
            options: TrainingOptions(
                epochs: 12, batchSize: 8, sequenceLength: 20,
                optimizer: Optimizer(rule: .adam(), learningRate: 0.005)))
        for try await _ in trainer.run() {}
        let empty = Autocomplete(try trainer.languageModel())
        #expect(try empty.suggestions().isEmpty)

        var autocomplete = empty
        try autocomplete.type("the quick brown fox ju")
        #expect(try autocomplete.suggestions(1).map(\.text) == ["mps"])
        var keys = empty
        for key in "the quick brown fox ju" { try keys.type(String(key)) }
        #expect(try keys.suggestions() == autocomplete.suggestions())
        // A copy goes its own way.
        var copy = keys
        try copy.type("mps ov")
        #expect(try copy.suggestions(1).map(\.text) == ["er"])
        #expect(try keys.suggestions(1).map(\.text) == ["mps"])
        try copy.type("")
        #expect(try copy.suggestions(0).isEmpty)
    }
}
