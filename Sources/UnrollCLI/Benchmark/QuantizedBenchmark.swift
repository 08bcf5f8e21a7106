import Unroll

/// Measures how fast a model writes in int8, beside float32 in alternation with it.
struct QuantizedBenchmark: Benchmark {
    private let machine: BenchmarkProcessor
    private let model: LanguageModel
    private var quantized = Measurements()
    private var float32 = Measurements()
    private var ratios = Measurements()

    init(_ workload: TrainingWorkload, on machine: BenchmarkProcessor) throws {
        self.machine = machine
        model = try GenerationBenchmark.model(of: workload)
    }

    mutating func measure() async throws {
        let slow = try await speed(in: .float32)
        let fast = try await speed(in: .int8)
        float32.append(slow)
        quantized.append(fast)
        ratios.append(fast / slow)
    }

    private func speed(in precision: Precision) async throws -> Double {
        try await GenerationBenchmark.speed(
            of: model, GenerationBenchmark.greedy(in: precision), threads: machine.threads)
    }

    var result: any BenchmarkResult {
        Result(
            charactersPerSecond: quantized.median, charactersPerSecondOfFloat32: float32.median,
            timesFloat32: ratios.median, minimumTimesFloat32: ratios.minimum,
            maximumTimesFloat32: ratios.maximum)
    }

    private struct Result: BenchmarkResult {
        let charactersPerSecond: Double
        let charactersPerSecondOfFloat32: Double
        let timesFloat32: Double
        let minimumTimesFloat32: Double
        let maximumTimesFloat32: Double

        var description: String {
            "\(NumberFormat.grouped(charactersPerSecond)) characters/s, "
                + "\(NumberFormat.decimal(timesFloat32)) times "
                + "(\(NumberFormat.decimal(minimumTimesFloat32)) to \(NumberFormat.decimal(maximumTimesFloat32))) "
                + "those of float32, \(NumberFormat.grouped(charactersPerSecondOfFloat32))"
        }
    }
}
