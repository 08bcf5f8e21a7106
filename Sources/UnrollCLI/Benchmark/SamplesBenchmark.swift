import Unroll

/// Measures how fast a model writes many texts side by side, beside one text alone in the same run.
struct SamplesBenchmark: Benchmark {
    private let machine: BenchmarkProcessor
    private let model: LanguageModel
    private var together = Measurements()
    private var alone = Measurements()
    private var ratios = Measurements()
    private static let count = 256

    init(_ workload: TrainingWorkload, on machine: BenchmarkProcessor) throws {
        self.machine = machine
        model = try GenerationBenchmark.model(of: workload)
    }

    mutating func measure() async throws {
        let one = try await GenerationBenchmark.speed(
            of: model, Self.options(length: .max, machine.precision), threads: machine.threads)
        let many = try await Self.speed(of: model, on: machine)
        alone.append(one)
        together.append(many)
        ratios.append(many / one)
    }

    /// The characters in a second of texts that are long enough to take long enough.
    static func speed(of model: LanguageModel, on machine: BenchmarkProcessor) async throws -> Double {
        var length = 8
        while true {
            let samples = try await model.generateSamples(
                after: GenerationBenchmark.prompt, count: count,
                options: options(length: length, machine.precision), threads: machine.threads)
            let characters = samples.reduce(0) { $0 + $1.text.count }
            let duration = samples.compactMap(\.summary?.duration).max() ?? .zero
            if duration >= Measurements.duration || length > 1 << 16 {
                return Double(characters) / (duration / .seconds(1))
            }
            length *= 2
        }
    }

    private static func options(length: Int, _ precision: Precision) -> TextGenerationOptions {
        TextGenerationOptions(length: length, temperature: 1, precision: precision)
    }

    var result: any BenchmarkResult {
        Result(
            streams: Self.count, charactersPerSecond: together.median,
            charactersPerSecondOfOne: alone.median, timesOne: ratios.median,
            minimumTimesOne: ratios.minimum, maximumTimesOne: ratios.maximum)
    }

    private struct Result: BenchmarkResult {
        let streams: Int
        let charactersPerSecond: Double
        let charactersPerSecondOfOne: Double
        let timesOne: Double
        let minimumTimesOne: Double
        let maximumTimesOne: Double

        var description: String {
            "\(NumberFormat.grouped(charactersPerSecond)) characters/s in \(streams) texts, "
                + "\(NumberFormat.decimal(timesOne)) times one text's \(NumberFormat.grouped(charactersPerSecondOfOne)) "
                + "(\(NumberFormat.decimal(minimumTimesOne)) to \(NumberFormat.decimal(maximumTimesOne)))"
        }
    }
}
