import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Small texts and runs that tests share.
enum TestTraining {
    /// A text of few characters with something to learn in it, the same every time.
    static func corpus(length: Int = 600, seed: UInt64 = 1) throws -> Corpus {
        var random = RandomSource(seed: seed, purpose: .generation)
        let words = ["time ", "traveller ", "the ", "machine ", "in ", "a ", "lamp\n"]
        var text = ""
        while text.utf8.count < length { text += words[random.integer(below: words.count)] }
        return try Corpus(text: String(text.prefix(length)))
    }

    static let model = ModelConfiguration(hiddenSize: 9)

    static func options(
        epochs: Int = 4, partitioning: Partitioning = .sequential, validationFraction: Double? = nil,
        seed: UInt64 = 3
    ) -> TrainingOptions {
        TrainingOptions(
            epochs: epochs, batchSize: 4, sequenceLength: 5, partitioning: partitioning,
            trainingWindows: partitioning == .windows ? 150 : nil,
            validationFraction: validationFraction, seed: seed)
    }
}

extension LanguageModel {
    /// The perplexity of a held-out text as training measures it: of all tokens but the first, which continues a text.
    func heldOutPerplexity(on corpus: Corpus) throws -> (perplexity: Double, tokens: Int) {
        let engine = try CPUEngine(configuration: configuration, parameters: parameters, threads: 1)
        let source = try corpus.tokens.strand(sequenceLength: 256)
        var minibatch = Minibatch()
        var (nats, tokens) = (0.0, 0)
        for index in 0..<source.count {
            source.fill(&minibatch, at: index)
            nats += try engine.evaluate(minibatch)
            tokens += minibatch.tokenCount
        }
        return (exp(nats / Double(tokens)), tokens)
    }
}

extension Trainer {
    /// Runs to the end and returns all events.
    @discardableResult
    func runToEnd() async throws -> [TrainingEvent] {
        var events: [TrainingEvent] = []
        for try await event in run() { events.append(event) }
        return events
    }

    /// Runs until as many epochs of this run are done.
    func run(epochs: Int) async throws {
        var remaining = epochs
        for try await event in run() {
            guard case .epoch = event else { continue }
            remaining -= 1
            if remaining == 0 { break }
        }
    }

    /// Everything that a checkpoint of the run as it is now holds, but for times.
    func snapshot() throws -> Snapshot {
        let folder = try TemporaryFolder()
        try saveCheckpoint(to: folder("model"))
        return try Snapshot(of: folder("model"))
    }
}

/// What a checkpoint holds, but for times: equal for runs that are equal in every bit.
struct Snapshot: Equatable {
    let tensors: [String: [UInt32]]
    let model: [String: [UInt32]]
    let position: [String: String]

    init(of folder: URL) throws {
        let (tensors, metadata) = try Self.tensors(of: folder.appendingPathComponent("training.safetensors"))
        self.tensors = tensors
        model = try Self.tensors(of: folder.appendingPathComponent("model.safetensors")).tensors
        let json = try JSONSerialization.jsonObject(with: Data((metadata["position"] ?? "").utf8))
        var position = try #require(json as? [String: Any])
        position["seconds"] = nil
        var report = position["lastReport"] as? [String: Any]
        report?["seconds"] = nil
        report?["tokensPerSecond"] = nil
        report?["communicationShare"] = nil
        position["lastReport"] = report
        self.position = try position.mapValues { value in
            let json = try JSONSerialization.data(
                withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed])
            return String(decoding: json, as: UTF8.self)
        }
    }

    private static func tensors(
        of file: URL
    ) throws -> (tensors: [String: [UInt32]], metadata: [String: String]) {
        let (tensors, metadata) = try TensorFile.decode(try Data(contentsOf: file), path: file.path)
        // Bits, so that a zero is not equal to a negative zero.
        let bits = tensors.entries.map { ($0.name, $0.values.map(\.bitPattern)) }
        return (Dictionary(uniqueKeysWithValues: bits), metadata)
    }
}

extension [TrainingEvent] {
    var reports: [EpochReport] {
        compactMap { if case .epoch(let report) = $0 { report } else { nil } }
    }

    /// The reports' perplexities and norms in bits.
    var results: [[UInt64]] {
        reports.map { report in
            [report.perplexity, report.validationPerplexity ?? -1, report.gradientNorm].map(\.bitPattern)
        }
    }
}

/// Expects an error with a description of one line that contains the texts and no command-line flag.
func expectError(
    naming texts: String..., sourceLocation: SourceLocation = #_sourceLocation, from body: () throws -> Void
) {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try body() }
    let description = error.map { "\($0)" } ?? ""
    #expect(!description.contains("\n"), sourceLocation: sourceLocation)
    for text in texts {
        #expect(
            text.isEmpty || description.contains(text), "\(description)", sourceLocation: sourceLocation)
    }
}

/// Expects a `ParameterError` with this name of the parameter.
func expectParameterError(
    _ parameter: String, sourceLocation: SourceLocation = #_sourceLocation, from body: () throws -> Void
) {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try body() }
    let found: String? =
        switch (error as? any UnrollError)?.parameterError {
        case .outOfRange(let parameter, _, _), .needs(let parameter, _, _), .excludes(let parameter, _):
            parameter
        case nil: nil
        }
    #expect(found == parameter, "\(String(describing: error))", sourceLocation: sourceLocation)
}
