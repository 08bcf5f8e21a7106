import UnrollBase
import UnrollEngine

// Defaults that depend on another option, all in this file.

extension Optimizer.Rule {
    /// The learning rate of ``Optimizer/init(usual:)``.
    public var defaultLearningRate: Float {
        switch self {
        case .sgd: 1
        case .momentum, .nesterov: 0.1
        case .rmsprop, .adam, .adamw: 0.002
        }
    }

    /// The weight decay of ``Optimizer/init(usual:)``, which is PyTorch's.
    public var defaultWeightDecay: Float {
        if case .adamw = self { 0.01 } else { 0 }
    }
}

extension Optimizer {
    /// An optimizer with the usual learning rate and weight decay of its rule.
    public init(usual rule: Rule) {
        self.init(
            rule: rule, learningRate: rule.defaultLearningRate, weightDecay: rule.defaultWeightDecay)
    }
}

extension TrainingOptions {
    /// Reads the options' JSON form, in which everything that is left out has its default.
    ///
    /// The optimizer's defaults are those of its rule, the schedule's those of its decay.
    ///
    /// - Throws: `JSONFormError` for unknown keys and wrong values.
    package init(json: JSONValue, at path: String = "training") throws {
        var defaults = try JSONValue(encoding: TrainingOptions())
        let rule = Optimizer.Rule.all.first { .string($0.name) == json["optimizer"]?["rule"] }
        if let rule { defaults["optimizer"] = try JSONValue(encoding: Optimizer(usual: rule)) }
        let decay = LearningRateSchedule.Decay.all.first { .string($0.name) == json["schedule"]?["decay"] }
        if let decay { defaults["schedule"] = try JSONValue(encoding: LearningRateSchedule(decay)) }
        if case .object = json["earlyStopping"] {
            defaults["earlyStopping"] = try JSONValue(encoding: EarlyStopping(patience: 1))
            // The one property without a default.
            defaults["earlyStopping"]?["patience"] = nil
        }
        self = try json.decoded(over: defaults, at: path)
    }
}
