import Foundation
import UnrollBase

/// How the learning rate changes during a run.
///
/// It depends only on the position in the run; with `plateau`, also on the validations so far. The JSON form is one
/// object, such as `{"decay": "cosine", "finalRate": 0, "warmUpSteps": 200}`.
public struct LearningRateSchedule: Sendable, Equatable {
    /// How the learning rate decays.
    public enum Decay: Sendable, Equatable {
        /// Not at all.
        case constant
        /// Times `factor` after every `epochs` epochs, as PyTorch's `StepLR`. Defaults: 10 and 0.5.
        case step(epochs: Int = 10, factor: Double = 0.5)
        /// Times `factor` after every epoch, as PyTorch's `ExponentialLR`. Default: 0.95.
        case exponential(factor: Double = 0.95)
        /// Half a cosine from the full rate to `finalRate`, from the end of the warm-up to the end of the run; the full
        /// rate where the warm-up takes the whole run. Default: 0.
        ///
        /// Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017; PyTorch's
        /// `CosineAnnealingLR`.
        case cosine(finalRate: Double = 0)
        /// Times `factor` whenever more than `patience` consecutive validations have found no loss below the best by
        /// the fraction `threshold`, as PyTorch's `ReduceLROnPlateau`; no longer where that would take away 1e-8 or
        /// less. Defaults: 0.5, 3 and 0.0001.
        ///
        /// The loss is that of the held-out text, in nats; without held-out text, that of each epoch's training.
        case plateau(factor: Double = 0.5, patience: Int = 3, threshold: Double = 1e-4)

        /// Every kind of decay with its defaults.
        public static let all: [Decay] = [.constant, .step(), .exponential(), .cosine(), .plateau()]

        /// The name in JSON and on the command line.
        public var name: String {
            switch self {
            case .constant: "constant"
            case .step: "step"
            case .exponential: "exponential"
            case .cosine: "cosine"
            case .plateau: "plateau"
            }
        }
    }

    /// How the learning rate decays.
    ///
    /// Default: `constant`.
    public var decay: Decay
    /// The first steps, over which the learning rate grows linearly to the scheduled one, which the last of them has; at
    /// least 0.
    ///
    /// Default: 0.
    ///
    /// As PyTorch's `LinearLR`, chained with `StepLR`, `ExponentialLR` or `ReduceLROnPlateau`; the cosine begins after it,
    /// as in PyTorch's `SequentialLR`.
    public var warmUpSteps: Int

    /// A schedule; the default is the same learning rate throughout.
    public init(_ decay: Decay = .constant, warmUpSteps: Int = 0) {
        self.decay = decay
        self.warmUpSteps = warmUpSteps
    }

    /// Where a run stands before a step.
    package struct Moment {
        /// Epochs that are done.
        package var epoch: Int
        /// Minibatches of the present epoch that are done.
        package var minibatch: Int
        /// Minibatches in an epoch.
        package var minibatches: Int
        /// Epochs of the whole run; when a resumed run gets another number, the schedule follows.
        package var epochs: Int
        /// Steps after which the run ends; nil for the end of all epochs.
        package var maxSteps: Int?
        /// How often a plateau has lowered the rate.
        package var reductions: Int

        package init(
            epoch: Int, minibatch: Int, minibatches: Int, epochs: Int, maxSteps: Int? = nil,
            reductions: Int = 0
        ) {
            self.epoch = epoch
            self.minibatch = minibatch
            self.minibatches = minibatches
            self.epochs = epochs
            self.maxSteps = maxSteps
            self.reductions = reductions
        }
    }

    /// The learning rate of the next step, where the full one is `rate`.
    package func rate(from rate: Double, at moment: Moment) -> Double {
        let step = Double(moment.epoch) * Double(moment.minibatches) + Double(moment.minibatch)
        let warmUp = Double(warmUpSteps)
        let scheduled = scheduledRate(from: rate, at: moment, step: step)
        return step + 1 < warmUp ? scheduled * (step + 1) / warmUp : scheduled
    }

    /// The learning rate without the warm-up.
    private func scheduledRate(from rate: Double, at moment: Moment, step: Double) -> Double {
        switch decay {
        case .constant:
            return rate
        case .step(let epochs, let factor):
            return rate * pow(factor, Double(moment.epoch / epochs))
        case .exponential(let factor):
            return rate * pow(factor, Double(moment.epoch))
        case .cosine(let finalRate):
            let warmUp = Double(warmUpSteps)
            guard step >= warmUp else { return rate }
            let end = min(
                Double(moment.epochs) * Double(moment.minibatches),
                moment.maxSteps.map { Double($0) } ?? .infinity)
            let steps = end - warmUp
            let share = steps > 0 ? min((step - warmUp) / steps, 1) : 1
            return finalRate + (rate - finalRate) * (1 + cos(.pi * share)) / 2
        case .plateau(let factor, _, _):
            return rate * pow(factor, Double(moment.reductions))
        }
    }

    func check() throws(ParameterError) {
        try ParameterError.require(warmUpSteps >= 0, "warmUpSteps", is: warmUpSteps, but: "at least 0")
        switch decay {
        case .constant:
            break
        case .step(let epochs, let factor):
            try ParameterError.require(epochs >= 1, "decay.epochs", is: epochs, but: "at least 1")
            try Self.check(factor)
        case .exponential(let factor):
            try Self.check(factor)
        case .cosine(let finalRate):
            try ParameterError.require(
                finalRate >= 0 && finalRate.isFinite, "finalRate", is: finalRate, but: "at least 0 and finite"
            )
        case .plateau(let factor, let patience, let threshold):
            try Self.check(factor)
            try ParameterError.require(patience >= 0, "decay.patience", is: patience, but: "at least 0")
            try ParameterError.require(
                (0..<1).contains(threshold), "threshold", is: threshold, but: "in 0..<1")
        }
    }

    private static func check(_ factor: Double) throws(ParameterError) {
        try ParameterError.require(
            factor > 0 && factor <= 1, "factor", is: factor, but: "above 0 and at most 1")
    }
}

extension LearningRateSchedule: Codable {
    private enum CodingKeys: String, CodingKey {
        case decay, warmUpSteps, epochs, factor, finalRate, patience, threshold
    }

    /// Reads what `encode(to:)` writes.
    ///
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Double { try values.decode(Double.self, forKey: key) }
        func count(_ key: CodingKeys) throws -> Int { try values.decode(Int.self, forKey: key) }
        let decay: Decay
        switch try values.decode(String.self, forKey: .decay) {
        case "constant": decay = .constant
        case "step": decay = .step(epochs: try count(.epochs), factor: try number(.factor))
        case "exponential": decay = .exponential(factor: try number(.factor))
        case "cosine": decay = .cosine(finalRate: try number(.finalRate))
        case "plateau":
            decay = .plateau(
                factor: try number(.factor), patience: try count(.patience),
                threshold: try number(.threshold))
        case let name:
            let known = Decay.all.map(\.name).joined(separator: ", ")
            throw DecodingError.dataCorruptedError(
                forKey: .decay, in: values, debugDescription: "there is no decay '\(name)'; known: \(known)")
        }
        self.init(decay, warmUpSteps: try count(.warmUpSteps))
    }

    /// Writes the name of the decay and its numbers as keys of one object.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(decay.name, forKey: .decay)
        try values.encode(warmUpSteps, forKey: .warmUpSteps)
        switch decay {
        case .constant: break
        case .step(let epochs, let factor):
            try values.encode(epochs, forKey: .epochs)
            try values.encode(factor, forKey: .factor)
        case .exponential(let factor):
            try values.encode(factor, forKey: .factor)
        case .cosine(let finalRate):
            try values.encode(finalRate, forKey: .finalRate)
        case .plateau(let factor, let patience, let threshold):
            try values.encode(factor, forKey: .factor)
            try values.encode(patience, forKey: .patience)
            try values.encode(threshold, forKey: .threshold)
        }
    }
}

/// The losses that a plateau schedule has seen.
package struct PlateauState: Codable, Equatable {
    /// The lowest loss, in nats.
    private var best: Double?
    /// Losses since then.
    private var badCount = 0
    /// How often the rate has been lowered.
    package private(set) var reductions = 0

    package init() {}

    /// The least by which a rate is lowered, PyTorch's `eps`.
    private static let leastReduction = 1e-8

    /// Adds a loss; returns whether the rate, which was `rate` at first, is to be lowered now.
    package mutating func observe(
        _ loss: Double, patience: Int, threshold: Double, rate: Double, factor: Double
    ) -> Bool {
        if best.map({ loss < $0 * (1 - threshold) }) ?? true {
            best = loss
            badCount = 0
        } else {
            badCount += 1
        }
        guard badCount > patience else { return false }
        badCount = 0
        guard rate * pow(factor, Double(reductions)) * (1 - factor) > Self.leastReduction else {
            return false
        }
        reductions += 1
        return true
    }
}
