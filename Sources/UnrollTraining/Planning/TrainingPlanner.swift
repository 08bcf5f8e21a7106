import Foundation
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// Makes a plan: measures the machine, then applies the rules.
///
/// What is given wins over the rules, and they are applied around it: the speed is measured with the hidden units that were
/// given, and the regularization follows from the epochs that come of that.
public struct TrainingPlanner {
    /// Changes what the rules say, in place; called several times.
    public typealias Settings = (inout ModelConfiguration, inout TrainingOptions) throws -> Void

    /// Minutes that the run may take, in ``possibleMinutes``.
    public var minutes: Double
    /// The engine that is going to compute.
    public var engine: EngineKind
    /// Processes that are going to share out the shards, of which this one measures its own speed; at least 1.
    ///
    /// Default: 1.
    package var processCount = 1
    private let settings: Settings

    /// The minutes that a run may be planned for.
    public static let possibleMinutes = 0.05...100_000
    /// The part of the time that training gets; the rest is for baselines, checkpoints and a machine that is slower than it
    /// was.
    private static let share = 0.9
    private static let probeSeconds = 0.5
    /// Hidden units of the model that the machine is measured with.
    private static let probeSize = 256
    /// Validations of a run that has few epochs.
    private static let validations = 20
    /// How much faster the engine is at reading a token than at training on it.
    private static let speedOfReading = 2.5

    /// A planner for so many minutes.
    ///
    /// - Parameters:
    ///   - minutes: Minutes that the run may take. Default: 5.
    ///   - engine: The engine that is going to compute. Default: the CPU, on all processors.
    ///   - settings: Changes what the rules say. Default: not at all.
    public init(
        minutes: Double = 5, engine: EngineKind = .cpu(threads: nil),
        settings: @escaping Settings = { _, _ in }
    ) {
        self.minutes = minutes
        self.engine = engine
        self.settings = settings
    }

    /// Whether a text is read as characters and long enough that a model of subwords would predict it better.
    ///
    /// - Parameter corpus: The text, with its vocabulary.
    /// - Returns: Whether it would be better read once more, as subwords.
    public static func prefersSubwords(_ corpus: Corpus) -> Bool {
        corpus.vocabulary.kind == .characters
            && PlanRules.prefersSubwords(
                characters: corpus.tokens.count, vocabularySize: corpus.vocabulary.count)
    }

    /// Checks the number of minutes.
    ///
    /// - Throws: `ParameterError`.
    package func check() throws(ParameterError) {
        try ParameterError.require(
            Self.possibleMinutes.contains(minutes), "minutes", is: minutes, but: "in \(Self.possibleMinutes)")
    }

    /// Plans a run.
    ///
    /// - Parameters:
    ///   - corpus: The training text, with its vocabulary.
    ///   - validation: A validation text, read with that vocabulary; nil to hold out a part.
    ///   - test: A test text, read with that vocabulary; nil for none, or for the part that the settings hold out.
    /// - Returns: The plan.
    /// - Throws: `ParameterError` for impossible minutes; the errors of ``Trainer`` for impossible settings, and of a text
    ///   that is too short.
    public func plan(
        for corpus: Corpus, validation: Corpus? = nil, test: Corpus? = nil
    ) async throws -> TrainingPlan {
        try check()
        let given = try Given(settings)
        let texts = Texts(corpus: corpus, validation: validation, test: test)
        var draft = try proposal(for: texts.measures, given)
        if given.hiddenSize == nil {
            let time = try await measured(draft, texts)
            let work = PlanRules.workOfToken(draft.model, vocabularySize: corpus.vocabulary.count)
            let size = PlanRules.hiddenSize(
                work: speed(time, draft.options) * work * minutes * 60 * Self.share,
                trainingTokens: time.outline.trainingTokens, model: draft.model,
                vocabularySize: corpus.vocabulary.count)
            draft = try proposal(for: texts.measures, given, hiddenSize: size)
        }
        let plan = try plan(draft, texts, given, try await measured(draft, texts))
        guard plan.options.regularization != draft.options.regularization else { return plan }
        // What is left out at random takes time as well, weights most of all.
        var regularized = draft
        regularized.options.regularization = plan.options.regularization
        return try self.plan(draft, texts, given, try await measured(regularized, texts))
    }

    /// What planning begins with before a text is known, with the settings over it.
    ///
    /// - Returns: The model and the options.
    /// - Throws: What the settings throw.
    package func draft() throws -> (model: ModelConfiguration, options: TrainingOptions) {
        let measures = TextMeasures(tokens: 1_000_000, vocabularySize: 100, hasValidation: false)
        return try proposal(for: measures, try Given(settings))
    }

    private struct Texts {
        let corpus: Corpus
        let validation: Corpus?
        let test: Corpus?

        var measures: TextMeasures {
            TextMeasures(
                tokens: corpus.tokens.count, vocabularySize: corpus.vocabulary.count,
                hasValidation: validation != nil)
        }
    }

    /// What the rules know of a text.
    private struct TextMeasures {
        let tokens: Int
        let vocabularySize: Int
        /// Whether it is validated on a text of its own.
        let hasValidation: Bool
    }

    private typealias Proposal = (model: ModelConfiguration, options: TrainingOptions)

    /// The length of a run and what follows from it.
    private struct Length {
        let steps: Int
        let epochs: Double
        let validationSteps: Int?
    }

    /// What the settings set, whatever it was before; nil or false for what they leave as it is.
    private struct Given {
        let hiddenSize: Int?
        let embedding: Bool
        let tiesWeights: Bool
        let epochs: Bool
        let maxSteps: Bool

        init(_ settings: Settings) throws {
            var (model, options) = TrainingPlanner.basis
            var (other, others) = TrainingPlanner.basis
            (other.hiddenSize, other.embeddingSize) = (model.hiddenSize + 1, 3)
            (others.epochs, others.maxSteps) = (options.epochs + 1, 3)
            try settings(&model, &options)
            try settings(&other, &others)
            tiesWeights = model.tiesWeights
            embedding = model.embeddingSize == other.embeddingSize
            let isSizeGiven = model.hiddenSize == other.hiddenSize
            // Tied weights have one size.
            hiddenSize = isSizeGiven ? model.hiddenSize : tiesWeights && embedding ? model.embeddingSize : nil
            epochs = options.epochs == others.epochs
            maxSteps = options.maxSteps == others.maxSteps
        }
    }

    /// What depends on neither the text nor the machine.
    private static var basis: Proposal {
        let model = ModelConfiguration(
            cell: LSTMCell.self, hiddenSize: probeSize, ngrams: NGramConfiguration())
        var options = TrainingOptions(epochs: 1_000_000)
        options.initializer = .orthogonal
        options.optimizer = Optimizer(usual: .adamw())
        options.optimizer.weightDecay = PlanRules.weightDecay
        options.schedule = LearningRateSchedule(.cosine())
        return (model, options)
    }

    /// What the rules say, with the settings over it; without a length, a run that does not end.
    private func proposal(
        for text: TextMeasures, _ given: Given, hiddenSize: Int? = nil, _ length: Length? = nil
    ) throws -> Proposal {
        var (model, options) = Self.basis
        model.hiddenSize = given.hiddenSize ?? hiddenSize ?? Self.probeSize
        if given.tiesWeights || PlanRules.isEmbedded(vocabularySize: text.vocabularySize), !given.embedding {
            (model.embeddingSize, model.tiesWeights) = (model.hiddenSize, true)
        }
        options.validationFraction = text.hasValidation ? nil : PlanRules.heldOut(tokens: text.tokens)
        let training = Int(Double(text.tokens) * (1 - (options.validationFraction ?? 0)))
        model.ngrams = PlanRules.ngrams(vocabularySize: text.vocabularySize)
        (options.batchSize, options.sequenceLength) = PlanRules.shape(trainingTokens: training)
        options.optimizer.learningRate = PlanRules.learningRate(hiddenSize: model.hiddenSize)
        options.precision = engine.fastestPrecision
        if let length {
            options.maxSteps = length.steps
            options.epochs = max(1, Int(min(length.epochs.rounded(.up), 1e12)))
            options.validationSteps = length.validationSteps
            options.regularization = PlanRules.regularization(epochs: length.epochs)
            options.schedule.warmUpSteps = PlanRules.warmUp(steps: length.steps)
        }
        let (heldOut, weightDrop) = (options.validationFraction, options.regularization.weightDrop)
        try settings(&model, &options)
        // There are no recurrent products to regularize in sequences of one step.
        if options.sequenceLength < 2, options.regularization.weightDrop == weightDrop {
            options.regularization.weightDrop = 0
        }
        // So many epochs are not to be cut off, and windows are held out by their number.
        if given.epochs, !given.maxSteps { options.maxSteps = nil }
        if options.validationWindows != nil, options.validationFraction == heldOut {
            options.validationFraction = nil
        }
        return (model, options)
    }

    private func measured(_ proposal: Proposal, _ texts: Texts) async throws -> TimeEstimate {
        var model = proposal.model
        // To count a text takes longer than to measure.
        model.ngrams = nil
        let trainer = try Trainer(
            corpus: texts.corpus, validation: texts.validation, test: texts.test, model: model,
            options: proposal.options, engine: engine)
        return try await TimeEstimate.measured(trainer, enough: Self.probeSeconds)
    }

    /// Tokens trained on in a second by all processes together: a step takes as long as the process with most shards.
    private func speed(_ time: TimeEstimate, _ options: TrainingOptions) -> Double {
        let most = (options.shards - 1) / max(processCount, 1) + 1
        return time.tokensPerSecond * Double(options.shards) / Double(most)
    }

    /// The run that fills the time at the measured speed.
    private func plan(
        _ draft: Proposal, _ texts: Texts, _ given: Given, _ time: TimeEstimate
    ) throws -> TrainingPlan {
        let training = Double(max(time.outline.trainingTokens, 1))
        let heldOut = Double(time.outline.validationTokens)
        let tokensOfStep = Double(draft.options.wholeBatchSize) * Double(draft.options.sequenceLength)
        let speed = max(speed(time, draft.options), 1)
        // A run of few epochs validates within them.
        let most = speed * minutes * 60 * Self.share
        let epochs = most / training
        let validations = max(epochs, Double(Self.validations))
        let reading = validations * heldOut / Self.speedOfReading
        let seen =
            given.epochs || given.maxSteps
            ? min(
                Double(draft.options.epochs) * training,
                draft.options.maxSteps.map { Double($0) * tokensOfStep } ?? .infinity)
            : min(
                most * most / (most + reading),
                PlanRules.mostTokens(trainingTokens: training, tokensOfStep: tokensOfStep))
        let steps = max(1, Int(min(seen / tokensOfStep, 1e12)))
        let interval = max(1, steps / Self.validations)
        let isWithin = heldOut > 0 && Double(interval) * tokensOfStep < training
        let (model, options) = try proposal(
            for: texts.measures, given, hiddenSize: draft.model.hiddenSize,
            Length(
                steps: steps, epochs: seen / training,
                validationSteps: isWithin ? interval : nil))
        return TrainingPlan(
            model: model, options: options, minutes: minutes, trainingTokens: time.outline.trainingTokens,
            heldOutTokens: time.outline.validationTokens, parameterCount: time.outline.parameterCount,
            steps: steps, epochs: seen / training, tokensPerSecond: speed,
            seconds: seen / speed * (1 + reading / most), engine: time.outline.chosenEngine)
    }
}

extension EngineKind {
    /// The number format whose products this engine computes fastest on this machine.
    fileprivate var fastestPrecision: Precision {
        switch choice(precision: .bfloat16).kind {
        case .cuda: (try? check(precision: .bfloat16)) == nil ? .float32 : .bfloat16
        case .cpu, .automatic:
            // Other levels convert every operand first.
            (try? KernelLevel.preferred(for: .bfloat16)) == .avx512bf16 ? .bfloat16 : .float32
        case .reference: .float32
        }
    }
}
