import ArgumentParser
import Foundation
import Unroll

struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure the speed of training on this machine.",
        discussion: """
            Examples:
              unroll benchmark
              unroll benchmark --workload rnn512 --threads 1 --json
              UNROLL_KERNELS=avx2 unroll benchmark --workload rnn512

            Whole training steps, as medians with minimum and maximum over interleaved repeats. The peak is that of
            multiply-adds with the same vectors, probed before every repeat; speeds drift, their ratio much less.
            """)

    @Option(help: "A workload; may be repeated (default: all).")
    var workload: [Workload] = Workload.allCases

    @Option(parsing: .unconditional, help: "Threads that compute (default: all processors).")
    var threads: Int?

    @Option(parsing: .unconditional, help: "Repeats of each workload.")
    var repeats = 7

    @Flag(help: "Write one JSON object a workload to standard output.")
    var json = false

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats is \(repeats) but must be at least 1") }
    }

    func run() throws {
        let threads = threads ?? WorkerPool.processorCount
        let level = try KernelLevel.preferred()
        let probe = try PeakProbe(level: level, threads: threads)
        var benchmarks = try workload.map { try TrainingBenchmark($0, level: level, threads: threads) }
        for _ in 0..<repeats {
            for index in benchmarks.indices { try benchmarks[index].measure(against: probe) }
        }
        for benchmark in benchmarks {
            let line = benchmark.line
            if json {
                try JSONLine.write(line)
            } else {
                Standard.output.write(line.description + "\n")
            }
        }
    }
}

/// The line of `unroll benchmark --json`, and what it says to people.
struct BenchmarkLine: Encodable, CustomStringConvertible {
    let workload: String
    let engine: String
    let kernels: String
    let precision = "float32"
    let threads: Int
    let tokensPerSecond: Double
    let minimumTokensPerSecond: Double
    let maximumTokensPerSecond: Double
    let gflops: Double
    let peakGflops: Double
    let fractionOfPeak: Double

    var description: String {
        "\(workload): \(Format.grouped(tokensPerSecond)) tokens/s "
            + "(\(Format.grouped(minimumTokensPerSecond)) to \(Format.grouped(maximumTokensPerSecond))), "
            + "\(Format.decimal(gflops)) of \(Format.decimal(peakGflops)) GFLOP/s = "
            + "\(Format.decimal(fractionOfPeak * 100)) % of the peak, \(kernels) on \(threads) threads"
    }
}
