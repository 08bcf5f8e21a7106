import Foundation

/// How far a run has come: with the tensors of the checkpoint, all that it takes to go on in every bit.
struct TrainingPosition: Codable, Equatable {
    /// Epochs that are done.
    var epoch = 0
    /// Minibatches of the present epoch that are done.
    var minibatch = 0
    /// The summed loss of the present epoch, in nats.
    var nats = 0.0
    /// Tokens of the present epoch.
    var tokens = 0
    /// The summed norms of the present epoch's gradients.
    var gradientNorms = 0.0
    /// Steps of the present epoch that `nats` and `gradientNorms` are sums over.
    var epochSteps = 0
    /// Steps of all epochs.
    var steps = 0
    /// Tokens of all epochs, for the speed.
    var totalTokens = 0
    /// Seconds spent in training steps.
    var seconds = 0.0
    /// The last report, for the summary of a run that was resumed at its end.
    var lastReport: EpochReport?
    /// Minibatches of the present epoch that were done at its last validation.
    var validatedMinibatch = 0
    /// What validation has found.
    var validation = ValidationHistory()
    /// What a schedule that looks for plateaus remembers.
    var plateau = PlateauState()
    /// Whether the trigger of averaging has fired.
    var averages = false
    /// Whether the run has ended before its last epoch.
    var isStopped = false
    /// What the guards against losses that are no numbers remember.
    var guards = Guards()
    /// What has been noted once and is not noted again.
    var noted: [TrainingNotice.Kind] = []
    /// What the optimizer has counted; nil before its first step.
    var optimizer: OptimizerCounts?

    /// The part of the guards against divergence that a resumed run has to know.
    struct Guards: Codable, Equatable {
        /// Minibatches that were skipped since the last good parameters.
        var skips = 0
        /// How often the run has gone back to good parameters.
        var recoveries = 0
        /// The steps that the good parameters had been trained for.
        var goodStep = 0
    }

    /// The numbers of an optimizer's state that are not tensors.
    struct OptimizerCounts: Codable, Equatable {
        var steps: Int
        var averagedSteps: Int
    }

    /// exp(nats / tokens) of the present epoch; 1 before its first minibatch.
    var perplexity: Double { tokens == 0 ? 1 : exp(nats / Double(tokens)) }

    /// Whether counts are such that one can go on counting from there.
    var isPossible: Bool {
        [
            epoch, minibatch, tokens, epochSteps, steps, totalTokens, validatedMinibatch, guards.skips,
            guards.recoveries, guards.goodStep, optimizer?.steps ?? 0, optimizer?.averagedSteps ?? 0,
        ].allSatisfy { (0...1 << 60).contains($0) }
    }

    var tokensPerSecond: Double { seconds > 0 ? Double(totalTokens) / seconds : 0 }

    /// Whether a report was made before the run stood here.
    func includes(_ report: EpochReport) -> Bool {
        guard report.partOfEpoch != nil, let step = report.step else { return report.epoch <= epoch }
        return step < steps || (step == steps && validatedMinibatch == minibatch)
    }

    /// Begins the sums of an epoch's reports anew.
    mutating func resetSums() {
        nats = 0
        tokens = 0
        gradientNorms = 0
        epochSteps = 0
    }
}

extension TrainingPosition {
    /// Reads what version 1 of the checkpoint has, and of the rest what is there.
    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        epoch = try values.decode(Int.self, forKey: .epoch)
        minibatch = try values.decode(Int.self, forKey: .minibatch)
        nats = try values.decode(Double.self, forKey: .nats)
        tokens = try values.decode(Int.self, forKey: .tokens)
        gradientNorms = try values.decode(Double.self, forKey: .gradientNorms)
        totalTokens = try values.decode(Int.self, forKey: .totalTokens)
        seconds = try values.decode(Double.self, forKey: .seconds)
        lastReport = try values.decodeIfPresent(EpochReport.self, forKey: .lastReport)
        // In version 1 every step that was done counted.
        epochSteps = try values.decodeIfPresent(Int.self, forKey: .epochSteps) ?? minibatch
        func value<Value: Decodable>(_ key: CodingKeys, _ otherwise: Value) throws -> Value {
            try values.decodeIfPresent(Value.self, forKey: key) ?? otherwise
        }
        steps = try value(.steps, 0)
        validatedMinibatch = try value(.validatedMinibatch, 0)
        validation = try value(.validation, ValidationHistory())
        plateau = try value(.plateau, PlateauState())
        averages = try value(.averages, false)
        isStopped = try value(.isStopped, false)
        guards = try value(.guards, Guards())
        noted = try value(.noted, [])
        optimizer = try values.decodeIfPresent(OptimizerCounts.self, forKey: .optimizer)
    }
}
