// The chapter once more, with the library: what took a program from scratch is a dozen lines in `run`.

import ArgumentParser
import Book
import Unroll

@main
struct RNNConcise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains the chapter's network with the library.")

    @OptionGroup var source: BookArgument

    func run() async throws {
        let book = try source.read()
        let trainer = try Trainer(
            corpus: book.corpus, model: .init(cell: TanhCell.self, hiddenSize: 512),
            options: .init(epochs: 500, initializer: .normal))
        for try await case .epoch(let report) in trainer.run() where report.epoch % 100 == 0 {
            print(
                "epoch \(report.epoch): perplexity \(report.perplexity), \(Int(report.tokensPerSecond)) tokens/s"
            )
        }
        let model = try trainer.languageModel()
        for prefix in book.prefixes {
            print(prefix, terminator: "")
            for try await piece in model.generate(
                after: prefix, options: .init(length: 50, strategy: .greedy))
            {
                print(piece, terminator: "")
            }
            print()
        }
    }
}
