import ArgumentParser
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// Training on the story that comes with Unroll, on the engine and on the CPU's, with the same minibatches.
struct Agreement: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare the losses of a training run with those of the CPU.")

    @OptionGroup
    var options: EngineOptions

    @Option(help: "Steps of training.")
    var steps = 200

    // At this learning rate, rounding errors grow: on the CPU, two sets of kernels differ by 3e-7 in the first 50 steps and
    // by up to 3e-4 later. Their means over 50 steps stay together.

    /// How far each loss of the first steps may be from the CPU's in float32, relative to it.
    private static let earlyTolerance = 1e-5
    /// How far the mean loss of the last steps may be.
    private static let lateTolerance = 1e-4
    /// How many steps are the first, and the last.
    private static let span = 50

    private struct Line: Encodable {
        let check = "agreement"
        let precision: Precision
        /// The greatest relative difference of losses up to the step that is its key.
        var differences: [String: Double] = [:]
        /// The relative difference of the last loss.
        var lastDifference = Double.infinity
        /// The relative difference of the mean of the last losses.
        var meanDifference = Double.infinity
        var lastLoss = Double.nan
        /// The greatest relative difference in the first steps.
        var earlyDifference = Double.infinity
        /// What stopped the run.
        var error: String?
        var ok = true

        mutating func compare(_ losses: [Double], with wanted: [Double], span: Int) {
            guard let last = losses.last, let wantedLast = wanted.last, losses.count == wanted.count else {
                error = "a loss is not finite"
                return
            }
            var greatest = 0.0
            for (step, (loss, wanted)) in zip(1..., zip(losses, wanted)) {
                let difference = abs(loss / wanted - 1)
                greatest = max(greatest, difference.isNaN ? .infinity : difference)
                if step <= span { earlyDifference = greatest }
                if step == losses.count || [1, 10, 50, 100, 150].contains(step) {
                    differences["\(step)"] = greatest
                }
            }
            lastLoss = last
            lastDifference = abs(last / wantedLast - 1)
            meanDifference = abs(
                losses.suffix(span).reduce(0, +) / wanted.suffix(span).reduce(0, +) - 1)
        }
    }

    func run() async throws {
        let report = Report()
        try options.open(report)
        let (configuration, parameters, training) = try model()
        let wanted = try losses(
            of: CPUEngine(configuration: configuration, parameters: parameters, kernelLevel: wantedLevel),
            training)
        var isOK = true
        for precision in Precision.trainable {
            var line = Line(precision: precision)
            do {
                let losses = try losses(of: try options.make(configuration, parameters, precision), training)
                line.compare(losses, with: wanted, span: Self.span)
                // Rounded to eight bits, runs part sooner.
                line.ok =
                    precision == .bfloat16
                    || line.earlyDifference < Self.earlyTolerance && line.meanDifference < Self.lateTolerance
            } catch {
                (line.error, line.ok) = ("\(error)", false)
            }
            report.write(line)
            isOK = isOK && line.ok
        }
        if !isOK { throw ExitCode.failure }
    }

    /// Other kernels than the engine's where that is the CPU's, which would otherwise be compared with itself.
    private var wantedLevel: KernelLevel? { options.engine == .cpu ? .portable : nil }

    /// "RNN from scratch" and its minibatches.
    private func model() throws -> (ModelConfiguration, ModelParameters, [TrainingStep]) {
        let corpus = try Corpus(
            bytes: SampleText.utf8, name: SampleText.title, preprocessing: .letters)
        let configuration = ModelConfiguration()
        let parameters = try ModelParameters(
            for: configuration, vocabularySize: corpus.vocabulary.count, seed: 0)
        var training: [TrainingStep] = []
        var epoch = 0
        while training.count < steps {
            let minibatches = try Partitioning.sequential.minibatches(
                of: corpus.tokens, batchSize: 32, sequenceLength: 35, seed: 0, epoch: epoch)
            for index in 0..<min(minibatches.count, steps - training.count) {
                var step = TrainingStep()
                minibatches.fill(&step.minibatch, at: index)
                training.append(step)
            }
            epoch += 1
        }
        return (configuration, parameters, training)
    }

    /// The loss of each step, until one is not finite.
    private func losses(of engine: some Engine, _ training: [TrainingStep]) throws -> [Double] {
        var losses: [Double] = []
        while losses.count < training.count {
            let results = try engine.train(Array(training[losses.count...].prefix(32)))
            losses += results.map(\.meanLoss)
            if results.last?.isFinite == false { break }
        }
        return losses
    }
}
