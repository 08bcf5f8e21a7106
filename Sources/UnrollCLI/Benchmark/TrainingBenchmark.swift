import Unroll

/// Measures the training steps of one workload.
struct TrainingBenchmark {
    private let workload: Workload
    private let level: KernelLevel
    private let threads: Int
    private let engine: CPUEngine
    private let minibatch: Minibatch
    private var speeds: [Double] = []
    private var fractions: [Double] = []
    private var peaks: [Double] = []
    /// Seconds of one repeat.
    private static let duration = 0.5

    init(_ workload: Workload, level: KernelLevel, threads: Int) throws {
        self.workload = workload
        self.level = level
        self.threads = threads
        minibatch = workload.minibatch
        engine = try CPUEngine(
            configuration: workload.configuration,
            parameters: try Parameters(
                for: workload.configuration, vocabularySize: Workload.vocabularySize, initializer: .uniform,
                seed: 0),
            threads: threads, kernelLevel: level)
        try step()
    }

    private func step() throws {
        // A rate so small that the parameters, and with them the work, stay the same throughout.
        _ = try engine.train(on: minibatch, with: Optimizer(learningRate: 1e-6))
    }

    /// Probes the peak before and after half a second of training steps, and notes the median step.
    mutating func measure(against probe: PeakProbe) throws {
        let before = probe.measure()
        var steps: [Double] = []
        let start = ContinuousClock.now
        while start.duration(to: .now) < .seconds(Self.duration) {
            let begin = ContinuousClock.now
            try step()
            steps.append(begin.duration(to: .now) / .seconds(1))
        }
        let peak = (before + probe.measure()) / 2
        let speed = Double(minibatch.tokenCount) / Self.median(of: steps)
        speeds.append(speed)
        peaks.append(peak)
        fractions.append(speed * workload.operationsPerToken / peak)
    }

    var line: BenchmarkLine {
        let speed = Self.median(of: speeds)
        return BenchmarkLine(
            workload: workload.rawValue, engine: "cpu", kernels: level.rawValue, threads: threads,
            tokensPerSecond: speed, minimumTokensPerSecond: speeds.min() ?? 0,
            maximumTokensPerSecond: speeds.max() ?? 0, gflops: speed * workload.operationsPerToken / 1e9,
            peakGflops: Self.median(of: peaks) / 1e9, fractionOfPeak: Self.median(of: fractions))
    }

    private static func median(of values: [Double]) -> Double {
        values.isEmpty ? 0 : values.sorted()[values.count / 2]
    }
}
