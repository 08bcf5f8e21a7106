import ArgumentParser
import Unroll
import UnrollKernels

struct BenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure the speed of training and generation on this machine.",
        discussion: """
            Examples:
              unroll benchmark
              unroll benchmark --workload rnn512 --threads 1 --json
              unroll benchmark --engine cuda --workload lstm1024x2
              UNROLL_KERNELS=avx2 unroll benchmark --workload rnn512

            Medians with minimum and maximum over interleaved repeats: whole steps of
            training, characters that a model writes one by one, and the milliseconds from
            the start of this program to the first character. The peak is that of
            multiply-adds with the same vectors and numbers, probed before every repeat of
            training; speeds drift, their ratio much less. int8-lstm512 and int8-lstm1024x2
            write in int8 and, in alternation, in float32. A GPU is measured in training
            alone, without a peak.
            """)

    enum EngineName: String, ExpressibleByArgument, CaseIterable {
        case cpu
        case cuda
    }

    @Option(help: "A workload; may be repeated (default: all; with cuda, those that train).")
    var workload: [Workload] = []

    @Option(help: "The engine: cpu, or cuda, an NVIDIA GPU.")
    var engine: EngineName = .cpu

    @OptionGroup
    var device: DeviceOptions

    @Option(
        help: "What matrix products multiply: float32, bfloat16 or, in workloads that do not train, int8.")
    var precision = Precision.float32

    @Option(parsing: .unconditional, help: "Threads that compute on the CPU (default: all processors).")
    var threads: Int?

    @Option(parsing: .unconditional, help: "Repeats of each workload.")
    var repeats = 7

    @Flag(help: "Write one JSON object a workload to standard output.")
    var json = false

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats is \(repeats) but must be at least 1") }
        try device.check(isCUDA: engine == .cuda)
        if engine == .cuda, let other = workload.first(where: { $0.training == nil }) {
            throw ValidationError(
                "--workload \(other.rawValue) does not train, and a GPU is measured in training; leave it out"
            )
        }
        if !Precision.trainable.contains(precision) {
            if let other = workload.first(where: { $0.training != nil }) {
                throw ValidationError(
                    "--workload \(other.rawValue) trains, and nothing is trained in \(precision); leave one of them out"
                )
            }
            guard engine == .cpu else {
                throw ValidationError("--precision \(precision) is computed by the CPU; leave out --engine")
            }
        }
    }

    func run() async throws {
        let machine: any BenchmarkMachine =
            switch engine {
            case .cpu:
                try BenchmarkProcessor(precision: precision, threads: threads ?? WorkerPool.processorCount)
            case .cuda: try BenchmarkGPU(precision: precision, index: device.index)
            }
        var benchmarks: [(workload: Workload, benchmark: any Benchmark)] = []
        for workload in workload.isEmpty ? Workload.allCases : workload {
            guard let benchmark = try workload.benchmark(on: machine) else { continue }
            benchmarks.append((workload, benchmark))
        }
        for _ in 0..<repeats {
            for index in benchmarks.indices { try await benchmarks[index].benchmark.measure() }
        }
        for (workload, benchmark) in benchmarks {
            let line = BenchmarkLine(workload: workload, machine: machine, result: benchmark.result)
            if json {
                try JSONLine.write(line)
            } else {
                Standard.output.write(line.description + "\n")
            }
        }
    }
}
