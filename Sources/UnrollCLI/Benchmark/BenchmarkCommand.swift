import ArgumentParser
import Unroll

struct BenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure the speed of training and generation on this machine.",
        discussion: """
            Examples:
              unroll benchmark
              unroll benchmark --workload rnn512 --threads 1 --json
              UNROLL_KERNELS=avx2 unroll benchmark --workload rnn512

            Medians with minimum and maximum over interleaved repeats: whole steps of training, characters that a
            model writes one by one, and the milliseconds from the start of this program to the first character.
            The peak is that of multiply-adds with the same vectors and numbers, probed before every repeat of
            training; speeds drift, their ratio much less.
            """)

    @Option(help: "A workload; may be repeated (default: all).")
    var workload: [Workload] = Workload.allCases

    @Option(help: "What matrix products multiply: float32 or bfloat16.")
    var precision = Precision.float32

    @Option(parsing: .unconditional, help: "Threads that compute (default: all processors).")
    var threads: Int?

    @Option(parsing: .unconditional, help: "Repeats of each workload.")
    var repeats = 7

    @Flag(help: "Write one JSON object a workload to standard output.")
    var json = false

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats is \(repeats) but must be at least 1") }
    }

    func run() async throws {
        let machine = try BenchmarkMachine(
            precision: precision, threads: threads ?? WorkerPool.processorCount)
        var benchmarks = try workload.map { try $0.benchmark(on: machine) }
        for _ in 0..<repeats {
            for index in benchmarks.indices { try await benchmarks[index].measure() }
        }
        for (workload, benchmark) in zip(workload, benchmarks) {
            let line = BenchmarkLine(workload, on: machine, result: benchmark.result)
            if json {
                try JSONLine.write(line)
            } else {
                Standard.output.write(line.description + "\n")
            }
        }
    }
}
