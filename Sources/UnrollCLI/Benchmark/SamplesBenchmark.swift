import Unroll

/// Measures how fast a model writes many texts side by side, beside one text alone in the same run.
struct SamplesBenchmark: Benchmark {
    private let machine: BenchmarkProcessor
    private let model: LanguageModel
    private var together = Measurements()
    private var alone = Measurements()
    private var ratios = Measurements()
    private var length = 8
    private static let count = 256

    init(_ workload: TrainingWorkload, on machine: BenchmarkProcessor) throws {
        self.machine = machine
        model = try GenerationBenchmark.model(of: workload)
    }

    mutating func measure() async throws {
        let one = try await GenerationBenchmark.speed(
            of: model, options(length: .max), threads: machine.threads)
        let many = try await speedOfSamples()
        alone.append(one)
        together.append(many)
        ratios.append(many / one)
    }

    /// Grows the texts until they take long enough.
    private mutating func speedOfSamples() async throws -> Double {
        while true {
            let samples = try await model.generateSamples(
                after: GenerationBenchmark.prompt, count: Self.count, options: options(length: length),
                threads: machine.threads)
            let characters = samples.reduce(0) { $0 + $1.text.count }
            let duration = samples.compactMap(\.summary?.duration).max() ?? .zero
            if duration >= Measurements.duration || length > 1 << 16 {
                return Double(characters) / (duration / .seconds(1))
            }
            length *= 2
        }
    }

    private func options(length: Int) -> TextGenerationOptions {
        TextGenerationOptions(length: length, temperature: 1, precision: machine.precision)
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
