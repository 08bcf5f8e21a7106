import UnrollEngine

/// An optimizer by its name, as flags and recipes give it.
public enum OptimizerName: String, Sendable, Codable, CaseIterable {
    /// Plain gradient descent.
    case sgd
    /// Gradient descent with momentum.
    case momentum
    /// Gradient descent with momentum that looks ahead.
    case nesterov
    /// Gradients divided by the root of their mean square.
    case rmsprop
    /// Adaptive moments.
    case adam
    /// Adaptive moments with weight decay of its own.
    case adamw
    /// Gradient descent whose model is the mean of the parameters once validation no longer improves.
    case asgd

    /// The learning rate unless another is given.
    public var defaultLearningRate: Float {
        switch self {
        case .sgd, .asgd: 1
        case .momentum, .nesterov: 0.1
        case .rmsprop, .adam, .adamw: 0.002
        }
    }

    /// The weight decay unless another is given: PyTorch's.
    var defaultWeightDecay: Float { self == .adamw ? 0.01 : 0 }

    fileprivate func rule(momentum: Float) -> Optimizer.Rule {
        switch self {
        case .sgd, .asgd: .sgd
        case .momentum: .momentum(momentum)
        case .nesterov: .nesterov(momentum)
        case .rmsprop: .rmsprop()
        case .adam: .adam()
        case .adamw: .adamw()
        }
    }
}

/// A learning rate's way down by its name, as flags and recipes give it.
public enum ScheduleName: String, Sendable, Codable, CaseIterable {
    /// The same rate throughout.
    case constant
    /// Lower by a factor after every so many epochs.
    case step
    /// Lower by a factor after every epoch.
    case exponential
    /// Half a cosine over the whole run.
    case cosine
    /// Lower by a factor when validation no longer improves.
    case plateau
}

/// How a run learns, as flags and recipes say it: what is not given is as usual.
package struct LearningChoice: Sendable {
    package var optimizer: OptimizerName?
    package var learningRate: Float?
    /// The greatest norm of the gradient; 0 for no bound.
    package var clip: Float
    package var momentum: Float?
    package var weightDecay: Float?
    package var averageDecay: Float?
    package var schedule: ScheduleName?
    package var warmup: Int?
    package var decay: Double?
    package var decayAfter: Int?
    package var finalRate: Double?

    /// Validations that the trigger of averaged SGD looks away from, as its authors do.
    private static let averagingTrigger = 5

    package init(
        optimizer: OptimizerName? = nil, learningRate: Float? = nil, clip: Float = 1, momentum: Float? = nil,
        weightDecay: Float? = nil, averageDecay: Float? = nil, schedule: ScheduleName? = nil,
        warmup: Int? = nil, decay: Double? = nil, decayAfter: Int? = nil, finalRate: Double? = nil
    ) {
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.clip = clip
        self.momentum = momentum
        self.weightDecay = weightDecay
        self.averageDecay = averageDecay
        self.schedule = schedule
        self.warmup = warmup
        self.decay = decay
        self.decayAfter = decayAfter
        self.finalRate = finalRate
    }

    /// Checks that nothing is given that would have no effect.
    package func check() throws(TrainingError) {
        let name = optimizer ?? .sgd
        let decay = schedule ?? .constant
        let misplaced = [
            (
                momentum != nil && ![.momentum, .nesterov].contains(name),
                "--momentum needs --optimizer momentum or nesterov"
            ),
            (
                averageDecay != nil && name == .asgd,
                "--optimizer asgd takes a mean of its own; leave out --average-decay"
            ),
            (
                self.decay != nil && ![.step, .exponential, .plateau].contains(decay),
                "--decay needs --schedule step, exponential or plateau"
            ),
            (
                decayAfter != nil && ![.step, .plateau].contains(decay),
                "--decay-after needs --schedule step or plateau"
            ),
            (finalRate != nil && decay != .cosine, "--final-rate needs --schedule cosine"),
        ]
        if let (_, reason) = misplaced.first(where: { $0.0 }) { throw .invalidOption(reason) }
    }

    /// Sets what it decides.
    package func apply(to options: inout TrainingOptions) {
        let name = optimizer ?? .sgd
        var averaging = name == .asgd ? Optimizer.Averaging.mean : .none
        if let averageDecay { averaging = .exponential(decay: averageDecay) }
        options.optimizer = Optimizer(
            rule: name.rule(momentum: momentum ?? 0.9),
            learningRate: learningRate ?? name.defaultLearningRate,
            maxGradientNorm: clip == 0 ? nil : clip, weightDecay: weightDecay ?? name.defaultWeightDecay,
            averaging: averaging)
        options.averagingTrigger = name == .asgd ? Self.averagingTrigger : nil
        let way: LearningRateSchedule.Decay =
            switch schedule ?? .constant {
            case .constant: .constant
            case .step: .step(epochs: decayAfter ?? 10, factor: decay ?? 0.5)
            case .exponential: .exponential(factor: decay ?? 0.95)
            case .cosine: .cosine(finalRate: finalRate ?? 0)
            case .plateau: .plateau(factor: decay ?? 0.5, patience: decayAfter ?? 3)
            }
        options.schedule = LearningRateSchedule(way, warmUpSteps: warmup ?? 0)
    }
}
