import Unroll

/// Measures how fast a model writes for many users, who come and go with texts of their own, beside samples of one prompt
/// and one user in alternation with them.
struct BatchBenchmark: Benchmark {
    private let machine: BenchmarkProcessor
    private let model: LanguageModel
    private var together = Measurements()
    private var timesOne = Measurements()
    private var timesSamples = Measurements()
    private static let userCount = 64
    private static let lengths = 50...150

    init(_ workload: TrainingWorkload, on machine: BenchmarkProcessor) throws {
        self.machine = machine
        model = try GenerationBenchmark.model(of: workload)
    }

    mutating func measure() async throws {
        let one = try await speed(users: 1)
        let many = try await speed(users: Self.userCount)
        let samples = try await SamplesBenchmark.speed(of: model, on: machine)
        together.append(many)
        timesOne.append(many / one)
        timesSamples.append(many / samples)
    }

    /// The characters in a second of users who ask for one text after the other.
    private func speed(users: Int) async throws -> Double {
        let generator = try BatchGenerator(
            model, width: Self.userCount, precision: machine.precision, threads: machine.threads)
        let start = ContinuousClock.now
        let characters = try await withThrowingTaskGroup(of: Int.self) { group in
            for user in 0..<users {
                group.addTask {
                    var (characters, seed) = (0, user)
                    while start.duration(to: .now) < Measurements.duration {
                        let length = Self.lengths.lowerBound + seed * 37 % Self.lengths.count
                        let options = TextGenerationOptions(
                            length: length, temperature: 1, seed: UInt64(seed))
                        let request = GenerationRequest(.text(GenerationBenchmark.prompt), options: options)
                        for try await piece in try generator.generate(request) {
                            characters += piece.text.count
                        }
                        seed += users
                    }
                    return characters
                }
            }
            return try await group.reduce(0, +)
        }
        return Double(characters) / (start.duration(to: .now) / .seconds(1))
    }

    var result: any BenchmarkResult {
        Result(
            users: Self.userCount, charactersPerSecond: together.median, timesOne: timesOne.median,
            timesSamples: timesSamples.median, minimumTimesSamples: timesSamples.minimum,
            maximumTimesSamples: timesSamples.maximum)
    }

    private struct Result: BenchmarkResult {
        let users: Int
        let charactersPerSecond: Double
        let timesOne: Double
        let timesSamples: Double
        let minimumTimesSamples: Double
        let maximumTimesSamples: Double

        var description: String {
            "\(NumberFormat.grouped(charactersPerSecond)) characters/s for \(users) users, "
                + "\(NumberFormat.decimal(timesOne)) times one user's, \(NumberFormat.decimal(timesSamples)) times "
                + "(\(NumberFormat.decimal(minimumTimesSamples)) to \(NumberFormat.decimal(maximumTimesSamples))) "
                + "those of samples"
        }
    }
}
