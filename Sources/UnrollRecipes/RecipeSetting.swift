import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText
import UnrollTraining

/// One way of training that a recipe tries: its only one, or one of its variants.
///
/// Keys of the sections are named as the options of `unroll train`.
public struct RecipeSetting: Sendable, Equatable {
    /// What tells it from the recipe's other settings; empty if it is the only one.
    public let name: String
    /// The text.
    public let corpus: CorpusSection
    /// What is held out.
    public let split: SplitSection
    /// What the model is made of.
    public let model: ModelSection
    /// How it is trained.
    public let training: TrainingSection

    /// Whether some of the text is there to validate on.
    public var isHeldOut: Bool { split.validation != nil || split.validationWindows != nil }

    /// Which text, and how it is read.
    public struct CorpusSection: Sendable, Equatable, Codable {
        /// A name of the catalog, `sample` for the bundled story, or a path from the recipe's folder.
        public var text: String
        /// The SHA-256 digest of the file, 64 hexadecimal digits; nil if any text of that name will do.
        public var sha256: String?
        /// What happens to the text first.
        public var preprocess: Preprocessing
        /// What one token is.
        public var tokens: TokenKind
        /// Tokens that occur less often are unknown; nil is 1.
        public var minimumFrequency: Int?
        /// How many tokens of the beginning to use; nil is all.
        public var limit: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case text, sha256, preprocess, tokens, minimumFrequency, limit
        }

        /// How to find and read the text, or another one in the same way.
        public func origin(otherText: String? = nil) -> CorpusOrigin {
            CorpusOrigin(
                sources: [otherText ?? text], preprocessing: preprocess, tokens: tokens,
                minimumFrequency: minimumFrequency ?? 1, limit: limit)
        }
    }

    /// What is held out to validate on; a section that is left out holds nothing out.
    public struct SplitSection: Sendable, Equatable, Codable {
        /// The share of the text, at its end.
        public var validation: Double?
        /// With `windows` sampling, train on the first so many.
        public var windows: Int?
        /// With `windows`, validate on the next so many.
        public var validationWindows: Int?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case validation, windows, validationWindows
        }
    }

    /// What the model is made of.
    public struct ModelSection: Sendable, Equatable, Codable {
        /// The name of a built-in cell.
        public var cell: String
        /// Hidden units of every layer.
        public var hidden: Int
        /// Recurrent layers; nil is 1.
        public var layers: Int?
        /// The size of a learned vector for each token; nil is one-hot vectors.
        public var embedding: Int?
        /// Whether the output uses the embedding's weights; nil is no.
        public var tieWeights: Bool?
        /// Whether a layer has one bias, as the book's, and not PyTorch's two; nil is no.
        public var singleBias: Bool?
        /// The probability that a unit's output stays as it was; nil is 0.
        public var zoneout: Float?
        /// The same for the memory of an LSTM; nil is 0.
        public var zoneoutMemory: Float?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case cell, hidden, layers, embedding, tieWeights, singleBias, zoneout, zoneoutMemory
        }
    }

    /// How the model is trained.
    public struct TrainingSection: Sendable, Equatable, Codable {
        /// What computes a recipe.
        public enum Level: String, Sendable, Codable, CaseIterable {
            /// The fused engine.
            case engine
            /// Tensors with automatic differentiation, as the book's chapter is written.
            case scratch
        }

        /// Passes over the text.
        public var epochs: Int
        /// Sequences side by side.
        public var batch: Int
        /// Tokens through which the gradient goes back.
        public var steps: Int
        /// How the text is cut.
        public var sampling: Partitioning
        /// Epochs in which strands keep their state; nil is all.
        public var carriedEpochs: Int?
        /// How gradients become updates; nil is sgd.
        public var optimizer: OptimizerName?
        /// The size of a step.
        public var learningRate: Float
        /// The greatest norm of the gradient; 0 for no bound.
        public var clip: Float
        /// With momentum: the share of a step that goes on in the next; nil is 0.9.
        public var momentum: Float?
        /// How strongly parameters are pulled towards 0; nil is as usual with the optimizer.
        public var weightDecay: Float?
        /// The decay of a running average of the parameters; nil is no average.
        public var averageDecay: Float?
        /// How the learning rate goes down; nil is not at all.
        public var schedule: ScheduleName?
        /// Steps in which the learning rate grows to the full one; nil is none.
        public var warmup: Int?
        /// The factor of the learning rate; nil is as usual with the schedule.
        public var decay: Double?
        /// Epochs, or validations, after which the learning rate is multiplied; nil is as usual with the schedule.
        public var decayAfter: Int?
        /// With a cosine: the rate at the end; nil is 0.
        public var finalRate: Double?
        /// The share of each layer's output that is left out; nil is 0.
        public var dropout: Float?
        /// Whether all steps of a sequence leave out the same units; nil is no.
        public var variational: Bool?
        /// The share of the tokens whose embedding is left out; nil is 0.
        public var embeddingDropout: Float?
        /// The share of the recurrent weights that is left out; nil is 0.
        public var weightDrop: Float?
        /// The share of a target's probability that is spread over all tokens; nil is 0.
        public var labelSmoothing: Float?
        /// Minibatches after which to validate inside an epoch; nil is at its end alone.
        public var validateSteps: Int?
        /// Validations without improvement after which training ends; nil is never.
        public var patience: Int?
        /// The share of the perplexity that is an improvement; nil is 0.
        public var minimumImprovement: Double?
        /// Epochs to train for in any case; nil is none.
        public var minimumEpochs: Int?
        /// How often to go back to good parameters when the loss is no number; nil is 0: to diverge is a result.
        public var recoveries: Int?
        /// First values.
        public var initializer: WeightInitializer
        /// What products multiply; nil is float32.
        public var precision: Precision?
        /// What computes; nil is the engine.
        public var level: Level?
        /// Whether the gradient ends where a minibatch begins, and not where the epoch does; nil is yes.
        public var detachesState: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case epochs, batch, steps, sampling, carriedEpochs, optimizer, learningRate, clip, momentum,
                weightDecay, averageDecay, schedule, warmup, decay, decayAfter, finalRate, dropout,
                variational,
                embeddingDropout, weightDrop, labelSmoothing, validateSteps,
                patience, minimumImprovement, minimumEpochs, recoveries, initializer, precision, level,
                detachesState
        }
    }

    /// Whether nothing decides how it learns but the rate and its bound, as in the book's chapter.
    var learnsPlainly: Bool {
        let options = options(seed: 0)
        return options.optimizer
            == Optimizer(
                learningRate: training.learningRate,
                maxGradientNorm: training.clip == 0 ? nil : training.clip)
            && options.schedule == LearningRateSchedule() && options.validationSteps == nil
            && options.earlyStopping == nil && options.recoveries == 0
            && options.regularization == Regularization() && (try? configuration())?.zoneout == Zoneout()
    }

    /// The model's configuration.
    ///
    /// - Throws: `ModelError` when it makes no sense; an unknown cell is noticed when the recipe is read.
    public func configuration() throws(ModelError) -> ModelConfiguration {
        let configuration = ModelConfiguration(
            cell: ModelConfiguration.builtInCells.first { $0.name == model.cell } ?? TanhCell.self,
            hiddenSize: model.hidden, layerCount: model.layers ?? 1, embeddingSize: model.embedding,
            tiesWeights: model.tieWeights ?? false, hasSingleBias: model.singleBias ?? false,
            zoneout: Zoneout(output: model.zoneout ?? 0, memory: model.zoneoutMemory ?? 0))
        try configuration.check()
        return configuration
    }

    /// How its networks learn.
    var learning: LearningChoice {
        LearningChoice(
            optimizer: training.optimizer, learningRate: training.learningRate, clip: training.clip,
            momentum: training.momentum, weightDecay: training.weightDecay,
            averageDecay: training.averageDecay, schedule: training.schedule, warmup: training.warmup,
            decay: training.decay, decayAfter: training.decayAfter, finalRate: training.finalRate)
    }

    /// The options of a run with a seed.
    public func options(seed: UInt64) -> TrainingOptions {
        var options = TrainingOptions(
            epochs: training.epochs, batchSize: training.batch, sequenceLength: training.steps,
            partitioning: training.sampling, carriedEpochs: training.carriedEpochs,
            trainingWindows: split.windows,
            validationWindows: split.validationWindows, validationFraction: split.validation,
            validationSteps: training.validateSteps,
            earlyStopping: training.patience.map {
                EarlyStopping(
                    patience: $0, minimumImprovement: training.minimumImprovement ?? 0,
                    minimumEpochs: training.minimumEpochs ?? 0)
            }, recoveries: training.recoveries ?? 0,
            regularization: Regularization(
                dropout: training.dropout ?? 0, usesVariationalDropout: training.variational ?? false,
                embeddingDropout: training.embeddingDropout ?? 0, weightDrop: training.weightDrop ?? 0,
                labelSmoothing: training.labelSmoothing ?? 0),
            initializer: training.initializer, seed: seed, precision: training.precision ?? .float32)
        learning.apply(to: &options)
        return options
    }
}
