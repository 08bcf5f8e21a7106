import ArgumentParser
import Foundation
import Unroll
import UnrollReports

struct InfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Say what a model folder holds.",
        discussion: """
            Examples:
              unroll info unroll-model
              unroll info unroll-model --json
              unroll info small-model --text other.txt --original unroll-model

            With --text, the perplexity of the text in int8 and in float32: of a quantized
            model that of --original, or of the weights as they are rounded.
            """)

    @Argument(help: "A model folder.", completion: .directory, transform: FolderPath.init)
    var model: FolderPath

    @Option(
        help: "A text, or a text's name, to say what eight bits cost in perplexity.", completion: .file(),
        transform: StoredTextPath.init)
    var text: StoredTextPath?

    @Option(
        help: "With --text: the model that was quantized.", completion: .directory,
        transform: FolderPath.init)
    var original: FolderPath?

    @Option(parsing: .unconditional, help: "Threads that compute --text (default: all processors).")
    var threads: Int?

    @Flag(help: "Write one JSON object to standard output.")
    var json = false

    func validate() throws {
        for (name, isGiven) in [("--original", original != nil), ("--threads", threads != nil)]
        where isGiven && text == nil {
            throw ValidationError("\(name) is about --text; add it")
        }
    }

    func run() async throws {
        let folder = model.url
        let model = try LanguageModel(contentsOf: folder)
        var cost: PrecisionCost?
        if let text {
            cost = try await PrecisionCost(
                of: model, beside: try original.map { try LanguageModel(contentsOf: $0.url) }, on: text,
                threads: threads)
        }
        let facts = ModelFacts(
            model, bytes: ModelSize.bytes(of: folder), record: try? TrainingRecord(of: folder),
            saved: SavedRun(of: folder), cost: cost)
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
    let weights: WeightFormat
    let bytes: Int
    let ngrams: Nullable<NGramFacts>
    let vocabulary: Int
    let tokens: TokenKind
    let preprocessing: Preprocessing
    let corpus: Nullable<String>
    let training: Nullable<TrainingOptions>
    let saved: SavedLine
    let text: Nullable<PrecisionCost>
    private let run: SavedRun

    private enum CodingKeys: CodingKey {
        case cell, hiddenSize, layers, embedding, tiedWeights, singleBias, parameters, weights, bytes, ngrams
        case vocabulary, tokens, preprocessing, corpus, training, saved, text
    }

    init(
        _ model: LanguageModel, bytes: Int, record: TrainingRecord?, saved run: SavedRun, cost: PrecisionCost?
    ) {
        self.run = run
        self.bytes = bytes
        weights = model.weightFormat
        text = Nullable(cost)
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
                + (weights == .float32 ? "" : ", weights in \(weights.rawValue)"),
            "size           \(NumberFormat.bytes(Double(bytes)))",
        ]
        if let ngrams = ngrams.value { lines.append("n-grams        \(ngrams)") }
        lines += [
            "vocabulary     \(vocabulary) \(tokens)",
            "preprocessing  \(preprocessing)",
        ]
        if let source = corpus.value { lines.append("trained on     \(EscapedText.line(source))") }
        if let options = training.value {
            lines.append(
                "planned        \(options.epochs) \(options.epochs == 1 ? "epoch" : "epochs"), \(options.partitioning), batch \(options.batchSize)\(options.shards == 1 ? "" : " x \(options.shards) shards"), "
                    + "sequence length \(options.sequenceLength), \(options.optimizer.rule.name), learning rate \(NumberFormat.significant(Double(options.optimizer.learningRate))), seed \(options.seed)"
                    + (options.precision == .float32 ? "" : ", \(options.precision)")
            )
        }
        return (lines + savedLines + (text.value.map { ["\($0)"] } ?? [])).joined(separator: "\n")
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
