import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTensor
import UnrollText
import UnrollTraining

/// Trains the book's network with tensors, where a gradient can go back through a whole epoch.
struct ScratchTraining {
    /// The most bytes that tensors have taken between a loss and its gradient.
    private(set) var tensorBytes = 0
    private let setting: RecipeSetting
    private let corpus: Corpus
    private let seed: UInt64
    private let start: ModelParameters
    /// W_xh `[V, H]`, W_hh `[H, H]`, b_h `[H]`, W_hq `[H, V]`, b_q `[V]`.
    private var tensors: [Tensor]
    private var epoch = 0
    private var gauge = DivergenceGauge()
    private var seconds = 0.0
    private var tokens = 0

    /// PyTorch's names of the tensors, and whether they lie the other way round there.
    private static let names = [
        ("rnn.weight_ih_l0", true), ("rnn.weight_hh_l0", true), ("rnn.bias_ih_l0", false),
        ("decoder.weight", true), ("decoder.bias", false),
    ]

    init(setting: RecipeSetting, corpus: Corpus, seed: UInt64) throws {
        let (configuration, training) = (setting.model, setting.training)
        self.setting = setting
        self.corpus = corpus
        self.seed = seed
        guard corpus.vocabulary.count > 1 else {
            throw TrainingError.noKnownTokens(text: corpus.name)
        }
        // A gradient through an epoch remembers all of its steps.
        let tokensOfAStrand = corpus.tokens.count / max(1, training.batchSize)
        let steps = setting.detachesState ? training.sequenceLength : tokensOfAStrand
        try MemoryEstimate.check(
            configuration: configuration, vocabularySize: corpus.vocabulary.count,
            sequenceLength: max(1, steps), batchSize: training.batchSize)
        start = try ModelParameters(
            for: configuration, vocabularySize: corpus.vocabulary.count,
            initializer: training.initializer, seed: seed)
        let parameters = start
        tensors = try Self.names.map { name, isTransposed in
            guard let entry = parameters[name] else { throw ModelError.missingTensor(name) }
            let tensor = try Tensor(entry.values, shape: entry.shape)
            return isTransposed ? try tensor.transposed() : tensor
        }
    }

    /// The parameters as a language model has them.
    func parameters() throws -> ModelParameters {
        var parameters = start
        for ((name, isTransposed), tensor) in zip(Self.names, tensors) {
            guard let index = parameters.entries.firstIndex(where: { $0.name == name }) else {
                throw ModelError.missingTensor(name)
            }
            parameters.entries[index].values = (isTransposed ? try tensor.transposed() : tensor).elements
        }
        return parameters
    }

    /// Trains for an epoch; nil after the last.
    mutating func nextEpoch() throws -> EpochReport? {
        let training = setting.training
        guard epoch < training.epochs else { return nil }
        let start = ContinuousClock.now
        let minibatches = try training.partitioning.minibatches(
            of: corpus.tokens, batchSize: training.batchSize, sequenceLength: training.sequenceLength,
            seed: seed,
            epoch: epoch)
        epoch += 1
        var minibatch = Minibatch()
        var state = Tensor(0)
        var (nats, count, norms) = (0.0, 0, 0.0)
        for index in 0..<minibatches.count {
            try Task.checkCancellation()
            minibatches.fill(&minibatch, at: index)
            if !minibatch.continuesState || epoch > training.statefulEpochs ?? .max {
                state = try .zeros([minibatch.batchSize, setting.model.hiddenSize])
            }
            let result = try step(on: minibatch, state: &state)
            guard result.loss.isFinite, result.norm.isFinite,
                !gauge.observe(result.loss, vocabularySize: corpus.vocabulary.count)
            else {
                throw TrainingError.diverged(
                    epoch: epoch, step: index + 1, learningRate: training.optimizer.learningRate)
            }
            nats += result.loss * Double(minibatch.tokenCount)
            norms += result.norm
            count += minibatch.tokenCount
        }
        seconds += start.duration(to: .now) / .seconds(1)
        tokens += count
        let perplexity = exp(nats / Double(count))
        guard perplexity.isFinite else {
            throw TrainingError.diverged(
                epoch: epoch, step: minibatches.count, learningRate: training.optimizer.learningRate)
        }
        return EpochReport(
            epoch: epoch, perplexity: perplexity, validationPerplexity: nil,
            gradientNorm: norms / Double(minibatches.count), tokensPerSecond: Double(tokens) / seconds,
            seconds: seconds)
    }

    /// Where training stands after an epoch.
    func progress(after report: EpochReport) -> TrainingProgress {
        let epochs = setting.training.epochs
        return TrainingProgress(
            epoch: report.epoch, epochs: epochs, fractionCompleted: Double(report.epoch) / Double(epochs),
            perplexity: report.perplexity, tokensPerSecond: report.tokensPerSecond,
            secondsRemaining: report.seconds / Double(report.epoch) * Double(epochs - report.epoch))
    }

    /// One step of the book's training loop; the loss is the minibatch's mean, the norm that before clipping.
    private mutating func step(
        on minibatch: Minibatch, state: inout Tensor
    ) throws -> (loss: Double, norm: Double) {
        let inputs = try oneHot(minibatch.inputs, classes: corpus.vocabulary.count)
            .reshaped(to: [minibatch.sequenceLength, minibatch.batchSize, -1])
        let detaches = setting.detachesState
        let activation: (Tensor) -> Tensor = setting.model.cell == ReLUCell.self ? { relu($0) } : { tanh($0) }
        var liveBytes = 0
        let (loss, gradients) = try valueWithGradient(at: tensors, throughHistory: !detaches) { tensors in
            var h = state
            var outputs: [Tensor] = []
            for t in 0..<minibatch.sequenceLength {
                h = activation(try matmul(inputs[t], tensors[0]) + matmul(h, tensors[1]) + tensors[2])
                outputs.append(try matmul(h, tensors[3]) + tensors[4])
            }
            state = detaches ? h.detached() : h
            let loss = try softmaxCrossEntropy(try concatenated(outputs), minibatch.targets).mean()
            liveBytes = Tensor.byteCounts.live
            return loss
        }
        tensorBytes = max(tensorBytes, liveBytes)
        let norm = try gradients.reduce(0.0) { try $0 + Double(($1 * $1).sum().scalar()) }.squareRoot()
        let optimizer = setting.training.optimizer
        let bound = optimizer.maxGradientNorm.map(Double.init) ?? .infinity
        let rate = Double(optimizer.learningRate) * (norm > bound ? bound / norm : 1)
        let value = Double(try loss.scalar())
        if value.isFinite, norm.isFinite {
            for (index, gradient) in gradients.enumerated() { try tensors[index] -= Float(rate) * gradient }
        }
        return (value, norm)
    }
}
