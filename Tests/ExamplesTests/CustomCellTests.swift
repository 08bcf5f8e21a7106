import CustomCell
import Testing
import Unroll

/// The cells of the example.
@Suite struct CustomCellTests {
    static let cells: [any RecurrentCell.Type] = [
        MinimalGatedUnit.self, PeepholeLSTM.self, LearnedLeak.self, StabilizedLSTM.self, MinGRU.self,
        Highway.self,
    ]

    /// But for the sLSTM, whose sum of weights is positive and not a random number.
    @Test func derivativesAreSlopes() throws {
        for cell in Self.cells where cell != StabilizedLSTM.self {
            #expect(try GradientCheck.greatestError(of: cell) < 1e-8, "\(cell.name)")
        }
    }

    /// The formula that the tests of engines compare with PyTorch, by its digest.
    @Test func theSLSTMIsTheOneThatPyTorchHasChecked() throws {
        #expect(
            try StabilizedLSTM.digest == "d04ebb111ce7d2e261a1f90d6b420b5a7454d48fd478cefb412ce543b83c6dad")
    }

    @Test(arguments: cells.indices) func everyCellLearns(cell: Int) async throws {
        let corpus = try Corpus(text: String(repeating: "she sells sea shells by the sea shore ", count: 20))
        let trainer = try Trainer(
            corpus: corpus, model: .init(cell: Self.cells[cell], hiddenSize: 24, embeddingSize: 24),
            options: .init(
                epochs: 12, batchSize: 4, sequenceLength: 16,
                optimizer: Optimizer(rule: .adam(), learningRate: 0.01)))
        var perplexity = Double.infinity
        for try await case .finished(let summary) in trainer.run() { perplexity = summary.perplexity }
        // Without memory, letters have a perplexity of 9.
        #expect(perplexity < 4, "\(Self.cells[cell].name)")
    }
}
