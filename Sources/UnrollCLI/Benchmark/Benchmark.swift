import Unroll
import UnrollCUDA

/// A workload that is ready to be measured, again and again.
protocol Benchmark {
    /// Measures once more, for about half a second.
    mutating func measure() async throws

    /// What the measurements so far say.
    var result: any BenchmarkResult { get }
}

/// What the measurements of one kind of workload say: keys of a line of JSON, and words.
protocol BenchmarkResult: Encodable, CustomStringConvertible {}

/// What workloads are measured with.
protocol BenchmarkMachine {
    var precision: Precision { get }
    /// The processor's peak; nil on a GPU.
    var probe: PeakProbe? { get }
    /// Makes an engine that trains.
    func engine(for workload: TrainingWorkload) throws -> any Engine
    /// The facts in a line of JSON.
    var facts: BenchmarkLine.Facts { get }
    /// The facts in words.
    var description: String { get }
}

/// The processor.
struct BenchmarkProcessor: BenchmarkMachine {
    let precision: Precision
    let level: KernelLevel
    let threads: Int
    let probe: PeakProbe?

    init(precision: Precision, threads: Int) throws {
        self.precision = precision
        level = try KernelLevel.preferred(for: precision)
        self.threads = threads
        probe = try PeakProbe(level: level, precision: precision, threads: threads)
    }

    func engine(for workload: TrainingWorkload) throws -> any Engine {
        try CPUEngine(
            configuration: workload.configuration, parameters: try workload.parameters, precision: precision,
            threads: threads, kernelLevel: level)
    }

    var facts: BenchmarkLine.Facts {
        .init(engine: "cpu", kernels: Nullable(level.rawValue), threads: Nullable(threads), device: nil)
    }

    var description: String { "\(level.rawValue) on \(threads) thread\(threads == 1 ? "" : "s")" }
}

/// A GPU.
struct BenchmarkGPU: BenchmarkMachine {
    let precision: Precision
    let probe: PeakProbe? = nil
    private let device: DriverDevice

    init(precision: Precision, index: Int) throws {
        self.precision = precision
        device = try DriverDevice.open(index: index)
    }

    func engine(for workload: TrainingWorkload) throws -> any Engine {
        try EngineMaker.cuda(on: device).engine(
            configuration: workload.configuration, parameters: try workload.parameters,
            settings: EngineSettings(precision: precision))
    }

    var facts: BenchmarkLine.Facts {
        .init(
            engine: "cuda", kernels: Nullable(nil), threads: Nullable(nil), device: device.properties.name)
    }

    var description: String { device.properties.name }
}

/// The figures of repeated measurements.
struct Measurements {
    /// How long one measurement lasts.
    static let duration = Duration.milliseconds(500)

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
    /// What computes.
    struct Facts {
        let engine: String
        let kernels: Nullable<String>
        let threads: Nullable<Int>
        /// The name of a GPU; nil on the processor.
        let device: String?
    }

    let workload: Workload
    let machine: any BenchmarkMachine
    let result: any BenchmarkResult

    private enum Key: CodingKey {
        case workload, engine, kernels, precision, threads, device
    }

    /// Writes the keys of the result beside those that every line has.
    func encode(to encoder: any Encoder) throws {
        var line = encoder.container(keyedBy: Key.self)
        let facts = machine.facts
        try line.encode(workload.rawValue, forKey: .workload)
        try line.encode(facts.engine, forKey: .engine)
        try line.encode(facts.kernels, forKey: .kernels)
        try line.encode(machine.precision.rawValue, forKey: .precision)
        try line.encode(facts.threads, forKey: .threads)
        try line.encodeIfPresent(facts.device, forKey: .device)
        try result.encode(to: encoder)
    }

    var description: String {
        "\(workload.rawValue): \(result), \(machine.precision.rawValue), \(machine.description)"
    }
}
