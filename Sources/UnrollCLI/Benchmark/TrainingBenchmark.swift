import Unroll

/// Measures whole steps of training.
struct TrainingBenchmark: Benchmark {
    private let machine: BenchmarkMachine
    private let engine: CPUEngine
    private let minibatch: Minibatch
    private let operationsPerToken: Double
    private var speeds = Measurements()
    private var peaks = Measurements()
    private var fractions = Measurements()

    init(_ workload: TrainingWorkload, on machine: BenchmarkMachine) throws {
        self.machine = machine
        minibatch = workload.minibatch
        operationsPerToken = workload.operationsPerToken
        engine = try CPUEngine(
            configuration: workload.configuration, parameters: try workload.parameters,
            precision: machine.precision, threads: machine.threads, kernelLevel: machine.level)
        try step()
    }

    private func step() throws {
        // A rate so small that the parameters, and with them the work, stay the same throughout.
        _ = try engine.train(on: minibatch, with: Optimizer(learningRate: 1e-6))
    }

    /// Probes the peak before and after half a second of training steps, and notes the median step.
    mutating func measure() throws {
        let before = machine.probe.measure()
        var steps = Measurements()
        let start = ContinuousClock.now
        while start.duration(to: .now) < BenchmarkMachine.duration {
            let begin = ContinuousClock.now
            try step()
            steps.append(begin.duration(to: .now) / .seconds(1))
        }
        let peak = (before + machine.probe.measure()) / 2
        let speed = Double(minibatch.tokenCount) / steps.median
        speeds.append(speed)
        peaks.append(peak)
        fractions.append(speed * operationsPerToken / peak)
    }

    var result: any BenchmarkResult {
        Result(
            tokensPerSecond: speeds.median, minimumTokensPerSecond: speeds.minimum,
            maximumTokensPerSecond: speeds.maximum, gflops: speeds.median * operationsPerToken / 1e9,
            peakGflops: peaks.median / 1e9, fractionOfPeak: fractions.median)
    }

    private struct Result: BenchmarkResult {
        let tokensPerSecond: Double
        let minimumTokensPerSecond: Double
        let maximumTokensPerSecond: Double
        let gflops: Double
        let peakGflops: Double
        let fractionOfPeak: Double

        var description: String {
            "\(Format.grouped(tokensPerSecond)) tokens/s "
                + "(\(Format.grouped(minimumTokensPerSecond)) to \(Format.grouped(maximumTokensPerSecond))), "
                + "\(Format.decimal(gflops)) of \(Format.decimal(peakGflops)) GFLOP/s = "
                + "\(Format.decimal(fractionOfPeak * 100)) % of the peak"
        }
    }
}
