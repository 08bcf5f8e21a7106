import Unroll

/// Invents names that are like those of a list, and not on it.
package struct NameGenerator: Sendable {
    private let model: LanguageModel
    private let known: Set<String>

    /// Learns from names, in any script.
    package init(learningFrom names: [String], epochs: Int = 40) async throws {
        // A line for each name, so that a line's end is where a name begins and where it ends.
        let lines = "\n" + names.map { $0 + "\n" }.joined()
        let trainer = try Trainer(
            corpus: try Corpus(text: lines), model: ModelConfiguration(cell: GRUCell.self, hiddenSize: 128),
            options: TrainingOptions(
                epochs: epochs, batchSize: 8, sequenceLength: 16, partitioning: .random,
                optimizer: Optimizer(rule: .adam(), learningRate: 0.005)))
        for try await _ in trainer.run() {}
        model = try trainer.languageModel()
        known = Set(names)
    }

    /// Returns so many different names, fewer if the model can think of no more.
    package func names(
        _ count: Int, beginning: String = "", temperature: Double = 0.8, seed: UInt64 = 0
    ) async throws -> [String] {
        let options = TextGenerationOptions(
            length: 30, temperature: temperature, seed: seed, stopStrings: ["\n"])
        // Side by side, which costs little; more than needed, as some are on the list or come twice.
        let samples = try await model.generateSamples(
            after: "\n" + beginning, count: min(max(count, 1), 10_000) * 8, options: options)
        var (seen, names) = (known, [String]())
        for sample in samples where sample.summary?.stopReason == .stopString("\n") && names.count < count {
            let name = beginning + sample.text
            if !name.isEmpty, seen.insert(name).inserted { names.append(name) }
        }
        return names
    }
}
