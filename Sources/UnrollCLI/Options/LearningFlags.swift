import ArgumentParser
import Unroll
import UnrollBase
import UnrollEngine
import UnrollTraining

/// The optimizer and the learning rate schedule.
struct LearningFlags: ParsableArguments {
    @Option(
        help: """
            The optimizer; asgd is SGD whose model is the mean of the parameters once validation no longer improves \
            (default: \(Optimizer().rule.name)).
            """)
    var optimizer: OptimizerName?

    @Option(
        parsing: .unconditional,
        help: """
            The learning rate (default: 1 for sgd and asgd, 0.1 with momentum, 0.002 for rmsprop, adam and adamw).
            """)
    var learningRate: Float?

    @Option(parsing: .unconditional, help: "The bound of the gradient norm; 0 for none (default: 1).")
    var maxGradientNorm: Float?

    @Option(
        parsing: .unconditional,
        help: "With momentum and nesterov: the fraction of a step that goes on in the next (default: 0.9).")
    var momentum: Float?

    @Option(parsing: .unconditional, help: "The weight decay (default: 0.01 for adamw, otherwise 0).")
    var weightDecay: Float?

    @Option(
        parsing: .unconditional,
        help: "Make the model a running average of the parameters with this decay, such as 0.998.")
    var averageDecay: Float?

    @Option(help: "The learning rate schedule (default: \(LearningRateSchedule().decay.name)).")
    var schedule: ScheduleName?

    @Option(
        parsing: .unconditional,
        help: "Steps over which the learning rate grows to the full one (default: 0).")
    var warmup: Int?

    @Option(
        parsing: .unconditional,
        help: """
            The factor of the learning rate (default: 0.5 for --schedule step and plateau, 0.95 for exponential).
            """)
    var decay: Double?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            """
            With --schedule step: after every N epochs (default: 10); with plateau: after more than N validations, \
            or epochs, without improvement (default: 3).
            """, valueName: "n"))
    var decayAfter: Int?

    @Option(
        parsing: .unconditional,
        help: "With --schedule cosine: the learning rate at the end of all --epochs (default: 0).")
    var finalRate: Double?

    /// Validations that the trigger of averaged SGD looks back over, as its authors do.
    private static let averagingPatience = 5

    func apply(to options: inout TrainingOptions) throws(ParameterError) {
        if let optimizer { Self.choose(optimizer, in: &options) }
        if let momentum { options.optimizer.rule = try Self.rule(options.optimizer.rule, momentum: momentum) }
        if let learningRate { options.optimizer.learningRate = learningRate }
        if let maxGradientNorm {
            options.optimizer.maxGradientNorm = maxGradientNorm == 0 ? nil : maxGradientNorm
        }
        if let weightDecay { options.optimizer.weightDecay = weightDecay }
        if let averageDecay {
            guard options.averagingPatience == nil else {
                throw .excludes(parameter: "averagingDecay", other: "averagingPatience")
            }
            options.optimizer.averaging = .exponential(decay: averageDecay)
        }
        if let schedule, schedule.decay.name != options.schedule.decay.name {
            options.schedule.decay = schedule.decay
        }
        options.schedule.decay = try rateDecay(options.schedule.decay)
        if let warmup { options.schedule.warmUpSteps = warmup }
    }

    /// Takes another optimizer with its usual numbers; the same one keeps those that it has.
    private static func choose(_ optimizer: OptimizerName, in options: inout TrainingOptions) {
        if optimizer.rule.name != options.optimizer.rule.name {
            options.optimizer = Optimizer(usual: optimizer.rule)
        }
        guard optimizer.isAveraged != (options.averagingPatience != nil) else { return }
        options.optimizer.averaging = optimizer.isAveraged ? .mean : .none
        options.averagingPatience = optimizer.isAveraged ? averagingPatience : nil
    }

    private static func rule(
        _ rule: Optimizer.Rule, momentum: Float
    ) throws(ParameterError) -> Optimizer.Rule {
        switch rule {
        case .momentum: return .momentum(momentum)
        case .nesterov: return .nesterov(momentum)
        default: throw .needs(parameter: "momentum", other: "rule", values: ["momentum", "nesterov"])
        }
    }

    /// The decay with the numbers that were given.
    private func rateDecay(
        _ given: LearningRateSchedule.Decay
    ) throws(ParameterError) -> LearningRateSchedule.Decay {
        func needs(_ parameter: String, _ values: String...) -> ParameterError {
            .needs(parameter: parameter, other: "decay", values: values)
        }
        let isStep = if case .step = given { true } else { false }
        let isCosine = if case .cosine = given { true } else { false }
        let isPlateau = if case .plateau = given { true } else { false }
        let isExponential = if case .exponential = given { true } else { false }
        guard decay == nil || isStep || isExponential || isPlateau else {
            throw needs("factor", "step", "exponential", "plateau")
        }
        guard decayAfter == nil || isStep || isPlateau else {
            throw needs("decay.epochs", "step", "plateau")
        }
        guard finalRate == nil || isCosine else { throw needs("finalRate", "cosine") }
        return switch given {
        case .constant: .constant
        case .step(let epochs, let factor): .step(epochs: decayAfter ?? epochs, factor: decay ?? factor)
        case .exponential(let factor): .exponential(factor: decay ?? factor)
        case .cosine(let rate): .cosine(finalRate: finalRate ?? rate)
        case .plateau(let factor, let patience, let threshold):
            .plateau(factor: decay ?? factor, patience: decayAfter ?? patience, threshold: threshold)
        }
    }
}

/// An optimizer by its name.
struct OptimizerName: ExpressibleByArgument {
    let rule: Optimizer.Rule
    /// Whether the model is the mean of the parameters once validation no longer improves.
    var isAveraged = false

    private static let averaged = "asgd"

    init?(argument: String) {
        isAveraged = argument == Self.averaged
        let name = isAveraged ? Optimizer.Rule.sgd.name : argument
        guard let rule = Optimizer.Rule.all.first(where: { $0.name == name }) else { return nil }
        self.rule = rule
    }

    /// The name that stands for the optimizer of a run.
    static func name(in options: TrainingOptions) -> String {
        options.averagingPatience == nil ? options.optimizer.rule.name : averaged
    }

    static var allValueStrings: [String] { Optimizer.Rule.all.map(\.name) + [averaged] }
}

/// A learning rate schedule by its name.
struct ScheduleName: ExpressibleByArgument {
    let decay: LearningRateSchedule.Decay

    init?(argument: String) {
        guard let decay = LearningRateSchedule.Decay.all.first(where: { $0.name == argument }) else {
            return nil
        }
        self.decay = decay
    }

    static var allValueStrings: [String] { LearningRateSchedule.Decay.all.map(\.name) }
}
