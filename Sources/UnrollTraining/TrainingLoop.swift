import Foundation
import UnrollCore
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The loop itself: each call of `next` trains until there is something to report.
struct TrainingLoop {
    let engine: any Engine
    private let data: TrainingData
    private let options: TrainingOptions
    private(set) var position: TrainingPosition
    private var minibatches: any MinibatchSource
    private var minibatch = Minibatch()
    private var stage = Stage.starting
    /// What this run, not an earlier part of it, has done: the speed that is reported.
    private var runTokens = 0
    private var runSeconds = 0.0
    /// When progress was last reported, in this epoch or an earlier one: epochs may be shorter than the interval.
    private var lastProgress = ContinuousClock.now

    private enum Stage {
        case starting
        case training
        case finished
    }

    /// Seconds between reports of progress.
    private static let reportInterval = 0.1

    init(
        engine: any Engine, data: TrainingData, options: TrainingOptions, position: TrainingPosition
    ) throws(TrainingError) {
        self.engine = engine
        self.data = data
        self.options = options
        self.position = position
        do {
            minibatches = try data.minibatches(epoch: position.epoch)
        } catch {
            throw .text(error)
        }
    }

    /// Trains until the next event, nil after the last.
    ///
    /// Whatever is thrown, the loop is between two steps, and can be saved or go on.
    mutating func next() throws -> TrainingEvent? {
        switch stage {
        case .starting:
            stage = .training
            return .started(plan)
        case .finished:
            return nil
        case .training:
            if position.epoch >= options.epochs {
                stage = .finished
                return .finished(summary)
            }
        }
        while position.minibatch < minibatches.count {
            try Task.checkCancellation()
            try step()
            if lastProgress.duration(to: .now) >= .seconds(Self.reportInterval) {
                lastProgress = .now
                return .progress(progress)
            }
        }
        return .epoch(try endEpoch())
    }

    private mutating func step() throws(TrainingError) {
        minibatches.fill(&minibatch, at: position.minibatch)
        if let carried = options.carriedEpochs, position.epoch >= carried { minibatch.continuesState = false }
        let start = ContinuousClock.now
        let result: StepResult
        do {
            result = try engine.train(on: minibatch, with: options.optimizer)
        } catch {
            throw .engine(error)
        }
        guard result.isFinite else { throw divergence(step: position.minibatch + 1) }
        let seconds = start.duration(to: .now) / .seconds(1)
        let tokens = minibatch.tokenCount
        position.minibatch += 1
        position.nats += result.meanLoss * Double(tokens)
        position.gradientNorms += result.gradientNorm
        position.tokens += tokens
        position.totalTokens += tokens
        position.seconds += seconds
        runTokens += tokens
        runSeconds += seconds
        // A loss may be a number and its exponential none: nobody comes back from there.
        guard position.perplexity.isFinite else { throw divergence(step: position.minibatch) }
    }

    private func divergence(step: Int) -> TrainingError {
        .diverged(epoch: position.epoch + 1, step: step, learningRate: options.optimizer.learningRate)
    }

    private mutating func endEpoch() throws -> EpochReport {
        let report = EpochReport(
            epoch: position.epoch + 1, perplexity: position.perplexity,
            validationPerplexity: try validationPerplexity(),
            gradientNorm: position.gradientNorms / Double(max(position.minibatch, 1)),
            tokensPerSecond: tokensPerSecond, seconds: position.seconds)
        position.epoch += 1
        position.minibatch = 0
        position.nats = 0
        position.tokens = 0
        position.gradientNorms = 0
        position.lastReport = report
        do {
            minibatches = try data.minibatches(epoch: position.epoch)
        } catch {
            throw TrainingError.text(error)
        }
        return report
    }

    /// The perplexity of the held-out text; every epoch starts from a fresh state, so none is lost here.
    private mutating func validationPerplexity() throws -> Double? {
        do {
            guard let source = try data.validationMinibatches() else { return nil }
            var (nats, tokens) = (0.0, 0)
            for index in 0..<source.count {
                try Task.checkCancellation()
                source.fill(&minibatch, at: index)
                nats += try engine.evaluate(minibatch)
                tokens += minibatch.tokenCount
            }
            let perplexity = exp(nats / Double(max(tokens, 1)))
            guard perplexity.isFinite else { throw divergence(step: position.minibatch) }
            return perplexity
        } catch let error as TextError {
            throw TrainingError.text(error)
        } catch let error as EngineError {
            throw TrainingError.engine(error)
        }
    }

    // MARK: Reports

    private var tokensPerSecond: Double { runSeconds > 0 ? Double(runTokens) / runSeconds : 0 }

    private var plan: TrainingPlan {
        let name =
            if let engine = engine as? CPUEngine {
                engine.precision == .float32
                    ? "cpu (\(engine.kernelLevel))" : "cpu (\(engine.kernelLevel), \(engine.precision))"
            } else {
                "reference"
            }
        let shapes = engine.configuration.parameterShapes(vocabularySize: engine.vocabularySize)
        return TrainingPlan(
            parameterCount: shapes.reduce(0) { $0 + $1.shape.reduce(1, *) },
            vocabularySize: engine.vocabularySize,
            trainingTokens: data.training.tokens.count, validationTokens: data.validationTokenCount,
            epochs: options.epochs, completedEpochs: position.epoch, engine: name)
    }

    private var progress: TrainingProgress {
        let epochs = Double(position.epoch) + Double(position.minibatch) / Double(max(minibatches.count, 1))
        let fraction = epochs / Double(options.epochs)
        let done = position.totalTokens
        let remaining = fraction > 0 ? Double(done) / fraction - Double(done) : 0
        return TrainingProgress(
            epoch: position.epoch + 1, epochs: options.epochs, fractionCompleted: fraction,
            perplexity: position.perplexity, tokensPerSecond: tokensPerSecond,
            secondsRemaining: tokensPerSecond > 0 ? remaining / tokensPerSecond : 0)
    }

    private var summary: TrainingSummary {
        TrainingSummary(
            epochs: position.epoch, perplexity: position.lastReport?.perplexity ?? 1,
            validationPerplexity: position.lastReport?.validationPerplexity,
            tokensPerSecond: runTokens > 0 ? tokensPerSecond : position.tokensPerSecond)
    }
}
