import ArgumentParser
import Foundation
import Unroll
import UnrollReports

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Say what a model folder holds.",
        discussion: """
            Examples:
              unroll info unroll-model
              unroll info unroll-model --json
            """)

    @Argument(help: "A model folder.", completion: .directory, transform: FolderPath.init)
    var model: FolderPath

    @Flag(help: "Write one JSON object to standard output.")
    var json = false

    func run() throws {
        let folder = model.url
        let facts = ModelFacts(
            try LanguageModel(contentsOf: folder), record: try? TrainingRecord(of: folder),
            saved: SavedRun(of: folder))
        if json {
            try JSONLine.write(facts)
        } else {
            Standard.output.write(facts.description + "\n")
        }
    }
}

/// The n-gram model beside a network.
private struct NGramFacts: Encodable, CustomStringConvertible {
    let order: Int
    let weight: Double
    let sequences: Int

    init?(_ model: LanguageModel) {
        guard let ngrams = model.ngrams, let weight = model.configuration.ngrams?.weight else { return nil }
        (order, self.weight, sequences) = (ngrams.order, weight, ngrams.sequenceCount)
    }

    var description: String {
        "\(NumberFormat.grouped(Double(sequences))) sequences of up to \(order) tokens, with a share of \(NumberFormat.significant(weight))"
    }
}

/// What `unroll info` says.
private struct ModelFacts: Encodable, CustomStringConvertible {
    let cell: String
    let hiddenSize: Int
    let layers: Int
    let embedding: Nullable<Int>
    let tiedWeights: Bool
    let singleBias: Bool
    let parameters: Int
    let ngrams: Nullable<NGramFacts>
    let vocabulary: Int
    let tokens: TokenKind
    let preprocessing: Preprocessing
    let corpus: Nullable<String>
    let training: Nullable<TrainingOptions>
    let saved: SavedLine
    private let run: SavedRun

    private enum CodingKeys: CodingKey {
        case cell, hiddenSize, layers, embedding, tiedWeights, singleBias, parameters, ngrams, vocabulary,
            tokens
        case preprocessing, corpus, training, saved
    }

    init(_ model: LanguageModel, record: TrainingRecord?, saved run: SavedRun) {
        self.run = run
        saved = SavedLine(run)
        cell = model.configuration.cell.name
        hiddenSize = model.configuration.hiddenSize
        layers = model.configuration.layerCount
        embedding = Nullable(model.configuration.embeddingSize)
        tiedWeights = model.configuration.tiesWeights
        singleBias = model.configuration.hasSingleBias
        parameters = model.parameters.scalarCount
        ngrams = Nullable(NGramFacts(model))
        vocabulary = model.vocabulary.count
        tokens = model.vocabulary.kind
        preprocessing = model.vocabulary.preprocessing
        corpus = Nullable(record?.corpus?.sources.joined(separator: ", "))
        training = Nullable(record?.options)
    }

    var description: String {
        var lines = ["cell           \(cell)", "hidden units   \(hiddenSize)"]
        if layers > 1 { lines.append("layers         \(layers)") }
        if let size = embedding.value {
            lines.append("embedding      \(size)\(tiedWeights ? ", tied to the output" : "")")
        }
        if singleBias { lines.append("biases         one in each layer") }
        lines += [
            "parameters     \(NumberFormat.grouped(Double(parameters)))"
        ]
        if let ngrams = ngrams.value { lines.append("n-grams        \(ngrams)") }
        lines += [
            "vocabulary     \(vocabulary) \(tokens)",
            "preprocessing  \(preprocessing)",
        ]
        if let source = corpus.value { lines.append("trained on     \(EscapedText.line(source))") }
        if let options = training.value {
            lines.append(
                "planned        \(options.epochs) \(options.epochs == 1 ? "epoch" : "epochs"), \(options.partitioning), batch \(options.batchSize), "
                    + "sequence length \(options.sequenceLength), \(options.optimizer.rule.name), learning rate \(NumberFormat.significant(Double(options.optimizer.learningRate))), seed \(options.seed)"
                    + (options.precision == .float32 ? "" : ", \(options.precision)")
            )
        }
        return (lines + savedLines).joined(separator: "\n")
    }

    /// What there is, and what is lost.
    private var savedLines: [String] {
        func named(_ model: SavedRun.Model) -> String {
            model.name + (model.moment.map { ": \($0)" } ?? "")
        }
        var lines: [String] = []
        if let model = run.last { lines.append("saved model    \(model)") }
        if let best = run.best { lines.append("best model     \(named(best))") }
        for model in run.kept { lines.append("kept           \(named(model))") }
        if let loss = run.loss { lines.append("lost           \(loss)") }
        return lines
    }
}
