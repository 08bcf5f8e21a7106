import Unroll

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
