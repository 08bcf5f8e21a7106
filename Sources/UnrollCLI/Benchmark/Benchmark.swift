import Unroll

/// A workload that is ready to be measured, again and again.
protocol Benchmark {
    /// Measures once more, for about half a second.
    mutating func measure() async throws

    /// What the measurements so far say.
    var result: any BenchmarkResult { get }
}

/// What the measurements of one kind of workload say: keys of a line of JSON, and words.
protocol BenchmarkResult: Encodable, CustomStringConvertible {}

/// What all workloads of a run are measured with.
struct BenchmarkMachine {
    let precision: Precision
    let level: KernelLevel
    let threads: Int
    let probe: PeakProbe
    /// How long one measurement lasts.
    static let duration = Duration.milliseconds(500)

    init(precision: Precision, threads: Int) throws {
        self.precision = precision
        level = try KernelLevel.preferred(for: precision)
        self.threads = threads
        probe = try PeakProbe(level: level, precision: precision, threads: threads)
    }
}

/// The figures of repeated measurements.
struct Measurements {
    private var values: [Double] = []

    mutating func append(_ value: Double) {
        values.append(value)
    }

    var median: Double { values.median ?? 0 }
    var minimum: Double { values.min() ?? 0 }
    var maximum: Double { values.max() ?? 0 }
}
