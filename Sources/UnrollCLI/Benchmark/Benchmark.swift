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

/// The line of `unroll benchmark --json`, and what it says to people.
struct BenchmarkLine: Encodable, CustomStringConvertible {
    let workload: String
    let engine = "cpu"
    let kernels: String
    let precision: String
    let threads: Int
    let result: any BenchmarkResult

    init(_ workload: Workload, on machine: BenchmarkMachine, result: any BenchmarkResult) {
        self.workload = workload.rawValue
        kernels = machine.level.rawValue
        precision = machine.precision.rawValue
        threads = machine.threads
        self.result = result
    }

    private enum Key: CodingKey {
        case workload, engine, kernels, precision, threads
    }

    /// Writes the keys of the result beside those that every line has.
    func encode(to encoder: any Encoder) throws {
        var line = encoder.container(keyedBy: Key.self)
        try line.encode(workload, forKey: .workload)
        try line.encode(engine, forKey: .engine)
        try line.encode(kernels, forKey: .kernels)
        try line.encode(precision, forKey: .precision)
        try line.encode(threads, forKey: .threads)
        try result.encode(to: encoder)
    }

    var description: String {
        "\(workload): \(result), \(precision), \(kernels) on \(threads) thread\(threads == 1 ? "" : "s")"
    }
}
