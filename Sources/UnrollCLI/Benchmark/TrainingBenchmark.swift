import Foundation
import Unroll

/// Measures whole steps of training.
struct TrainingBenchmark: Benchmark {
    private let probe: PeakProbe?
    private let engine: any Engine
    private let minibatch: Minibatch
    /// The steps that the engine is asked for at once.
    private let steps: [TrainingStep]
    private let operationsPerToken: Double
    private var speeds = Measurements()
    private var peaks = Measurements()
    private var fractions = Measurements()

    init(_ workload: TrainingWorkload, on machine: any BenchmarkMachine) throws {
        probe = machine.probe
        minibatch = workload.minibatch
        operationsPerToken = workload.operationsPerToken
        engine = try machine.engine(for: workload)
        // A rate so small that the parameters, and with them the work, stay the same throughout.
        let step = TrainingStep(minibatch: minibatch, optimizer: Optimizer(learningRate: 1e-6))
        steps = Array(repeating: step, count: engine.preferredRunLength)
        try train()
    }

    private func train() throws {
        _ = try engine.train(steps)
    }

    /// Probes the peak, if there is one, before and after half a second of training steps, and notes the median step.
    mutating func measure() throws {
        let before = probe?.measure()
        var times = Measurements()
        let start = ContinuousClock.now
        while start.duration(to: .now) < Measurements.duration {
            let begin = ContinuousClock.now
            try train()
            times.append(begin.duration(to: .now) / .seconds(1) / Double(steps.count))
        }
        let speed = Double(minibatch.tokenCount) / times.median
        speeds.append(speed)
        if let before, let after = probe?.measure() {
            let peak = (before + after) / 2
            peaks.append(peak)
            fractions.append(speed * operationsPerToken / peak)
        }
    }

    var result: any BenchmarkResult {
        Result(
            tokensPerSecond: speeds.median, minimumTokensPerSecond: speeds.minimum,
            maximumTokensPerSecond: speeds.maximum, gflops: speeds.median * operationsPerToken / 1e9,
            peakGflops: Nullable(probe.map { _ in peaks.median / 1e9 }),
            fractionOfPeak: Nullable(probe.map { _ in fractions.median }))
    }

    private struct Result: BenchmarkResult {
        let tokensPerSecond: Double
        let minimumTokensPerSecond: Double
        let maximumTokensPerSecond: Double
        let gflops: Double
        let peakGflops: Nullable<Double>
        let fractionOfPeak: Nullable<Double>

        var description: String {
            let speed =
                "\(NumberFormat.grouped(tokensPerSecond)) tokens/s "
                + "(\(NumberFormat.grouped(minimumTokensPerSecond)) to \(NumberFormat.grouped(maximumTokensPerSecond))), "
                + "\(NumberFormat.decimal(gflops))"
            guard let peak = peakGflops.value, let fraction = fractionOfPeak.value else {
                return speed + " GFLOP/s"
            }
            return speed + " of \(NumberFormat.decimal(peak)) GFLOP/s = "
                + "\(NumberFormat.decimal(fraction * 100)) % of the peak"
        }
    }
}

/// A model and the minibatches that it is trained on.
struct TrainingWorkload {
    var configuration: ModelConfiguration
    /// Tokens of the model.
    ///
    /// Default: 28, which is 26 letters, the space and `<unk>`.
    var vocabularySize = 28
    var batchSize = 32
    var sequenceLength = 35

    /// "RNN from scratch".
    static let rnn512 = Self(configuration: .init(cell: TanhCell.self, hiddenSize: 512))
    /// The slides of the same chapter.
    static let rnn32 = Self(
        configuration: .init(cell: TanhCell.self, hiddenSize: 32), batchSize: 1024, sequenceLength: 32)
    /// The concise version in Gluon.
    static let rnn256ReLU = Self(configuration: .init(cell: ReLUCell.self, hiddenSize: 256))
    static let lstm512 = Self(configuration: .init(cell: LSTMCell.self, hiddenSize: 512))
    static let gru512 = Self(configuration: .init(cell: GRUCell.self, hiddenSize: 512))
    /// As large as a model of characters gets that is still trained without an accelerator.
    static let lstm1024x2 = Self(
        configuration: .init(cell: LSTMCell.self, hiddenSize: 1024, layerCount: 2), batchSize: 64,
        sequenceLength: 100)
    /// A cell that the library does not know.
    static let custom512 = Self(configuration: .init(cell: MinimalGatedUnit.self, hiddenSize: 512))
    /// A model of words, in which the decoder is most of the work.
    static let words = Self(
        configuration: .init(cell: LSTMCell.self, hiddenSize: 512, embeddingSize: 512),
        vocabularySize: 20_000)

    /// Floating-point operations of a training step per token: three products, each a multiplication and an addition,
    /// for every weight that is multiplied by something.
    ///
    /// One-hot vectors only choose a row and count as nothing. The first layer's product with an embedding counts in
    /// full, as a framework computes it, even where an engine finds a shorter way.
    var operationsPerToken: Double {
        let hidden = Double(configuration.hiddenSize)
        let gates = hidden * Double(configuration.cell.gates.count)
        let recurrent = gates * hidden * Double(configuration.layerCount)
        let inputs =
            gates * Double(configuration.embeddingSize ?? 0)
            + gates * hidden * Double(configuration.layerCount - 1)
        return 6 * (recurrent + inputs + hidden * Double(vocabularySize))
    }

    /// Random parameters.
    var parameters: ModelParameters {
        get throws {
            try ModelParameters(
                for: configuration, vocabularySize: vocabularySize, initializer: .uniform, seed: 0)
        }
    }

    /// A minibatch of random tokens: letters are drawn evenly, words nearly as Zipf has it.
    var minibatch: Minibatch {
        var source = RandomSource(seed: 0, purpose: .partitioning)
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: sequenceLength, batchSize: batchSize, continuesState: true)
        for index in minibatch.inputs.indices {
            minibatch.inputs[index] = token(at: source.uniform())
            minibatch.targets[index] = token(at: source.uniform())
        }
        return minibatch
    }

    /// The token at a point of the line from 0 to 1 that all tokens share.
    private func token(at point: Double) -> Int32 {
        let count = Double(vocabularySize)
        // The share of the token of rank r is log(1 + 1 / r) / log(V + 1), which is close to being in proportion to 1 / r.
        return Int32(configuration.embeddingSize == nil ? count * point : pow(count + 1, point) - 1)
    }
}

/// One gate decides both what to forget and what to take in (Zhou et al., "Minimal gated unit", 2016).
///
/// Stands for the cells that people define themselves: nothing in the library is made for it.
enum MinimalGatedUnit: RecurrentCell {
    static let name = "minimal-gated-unit"
    static let gates = ["f", "n"]
    static let states = ["h"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let f = sigmoid(gates.f)
        let n = tanh(gates.input.n + f * gates.hidden.n)
        return ["h": previous.h + f * (n - previous.h)]
    }
}
