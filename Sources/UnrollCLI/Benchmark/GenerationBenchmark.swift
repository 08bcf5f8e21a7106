import Foundation
import Unroll
import UnrollBase

/// Measures how fast a model writes, as a program gets to see it: piece by piece, greedily.
struct GenerationBenchmark: Benchmark {
    private let machine: BenchmarkProcessor
    private let model: LanguageModel
    private var speeds = Measurements()
    static let prompt = "time traveller"

    init(_ workload: TrainingWorkload, on machine: BenchmarkProcessor) throws {
        self.machine = machine
        model = try Self.model(of: workload)
    }

    /// A model of letters that has learned nothing.
    static func model(of workload: TrainingWorkload) throws -> LanguageModel {
        let letters = try Corpus(text: "abcdefghijklmnopqrstuvwxyz ", preprocessing: .letters)
        return try LanguageModel(
            configuration: workload.configuration, vocabulary: letters.vocabulary,
            parameters: try workload.parameters)
    }

    mutating func measure() async throws {
        speeds.append(
            try await Self.speed(of: model, Self.greedy(in: machine.precision), threads: machine.threads))
    }

    /// Options that take the likeliest character, without an end.
    static func greedy(in precision: Precision) -> TextGenerationOptions {
        TextGenerationOptions(length: .max, strategy: .greedy, precision: precision)
    }

    /// The characters that a model writes in a second, with options that let it go on.
    static func speed(
        of model: LanguageModel, _ options: TextGenerationOptions, threads: Int
    ) async throws -> Double {
        var pieces = model.generate(after: prompt, options: options, threads: threads).makeAsyncIterator()
        // The first piece has to wait until the engine is there and has read the prompt.
        _ = try await pieces.next()
        var characters = 0
        let start = ContinuousClock.now
        while start.duration(to: .now) < Measurements.duration, let piece = try await pieces.next() {
            characters += piece.text.count
        }
        return Double(characters) / (start.duration(to: .now) / .seconds(1))
    }

    var result: any BenchmarkResult {
        Result(
            charactersPerSecond: speeds.median, minimumCharactersPerSecond: speeds.minimum,
            maximumCharactersPerSecond: speeds.maximum)
    }

    private struct Result: BenchmarkResult {
        let charactersPerSecond: Double
        let minimumCharactersPerSecond: Double
        let maximumCharactersPerSecond: Double

        var description: String {
            "\(NumberFormat.grouped(charactersPerSecond)) characters/s "
                + "(\(NumberFormat.grouped(minimumCharactersPerSecond)) to \(NumberFormat.grouped(maximumCharactersPerSecond)))"
        }
    }
}

/// Measures how long a person waits: from the start of `unroll generate` to the first character that it makes up.
struct FirstCharacterBenchmark: Benchmark {
    private let machine: BenchmarkProcessor
    private let model: LanguageModel
    private var times = Measurements()

    init(on machine: BenchmarkProcessor) throws {
        self.machine = machine
        model = try GenerationBenchmark.model(of: .rnn512)
    }

    mutating func measure() throws {
        let place = FileManager.default.temporaryDirectory
        FileSystem.discardAbandoned(in: place)
        let item = TemporaryItem(in: place)
        let folder = item.url
        try model.save(to: folder)
        item.lock()
        defer { withExtendedLifetime(item) {} }

        let output = Pipe()
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = [
            "generate", folder.path, "--prompt", GenerationBenchmark.prompt, "--length", "1", "--greedy",
            "--threads", "\(machine.threads)", "--precision", machine.precision.rawValue,
        ]
        process.standardOutput = output
        let start = ContinuousClock.now
        try process.run()
        var received = 0
        while received <= GenerationBenchmark.prompt.utf8.count {
            let data = output.fileHandleForReading.availableData
            guard !data.isEmpty else { break }
            received += data.count
        }
        let time = start.duration(to: .now)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure("unroll generate failed; see above") }
        times.append(time / .milliseconds(1))
    }

    var result: any BenchmarkResult {
        Result(
            milliseconds: times.median, minimumMilliseconds: times.minimum,
            maximumMilliseconds: times.maximum)
    }

    private struct Result: BenchmarkResult {
        let milliseconds: Double
        let minimumMilliseconds: Double
        let maximumMilliseconds: Double

        var description: String {
            "\(NumberFormat.decimal(milliseconds)) ms "
                + "(\(NumberFormat.decimal(minimumMilliseconds)) to \(NumberFormat.decimal(maximumMilliseconds)))"
        }
    }
}
