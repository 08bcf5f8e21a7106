// The shortest whole program: `swift run -c release QuickStart` learns from `notes.txt` and continues a prompt.

import Foundation
import Unroll

func trainAndGenerate() async throws {
    let corpus = try Corpus(contentsOf: URL(filePath: "notes.txt"))
    let trainer = try Trainer(
        corpus: corpus, model: .init(cell: LSTMCell.self, hiddenSize: 256),
        options: .init(epochs: 10, optimizer: .init(rule: .adam(), learningRate: 0.002)))
    for try await case .epoch(let report) in trainer.run() { print("perplexity", report.perplexity) }

    let model = try trainer.languageModel()
    for try await piece in model.generate(after: "In the ", options: .init(length: 200, temperature: 0.8)) {
        print(piece, terminator: "")
    }
    try model.save(to: URL(filePath: "notes-model"))
}

@main struct QuickStart {
    static func main() async {
        do {
            try await trainAndGenerate()
        } catch {
            print(error.localizedDescription)
        }
    }
}
