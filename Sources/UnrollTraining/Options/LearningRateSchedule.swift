import Foundation

/// How the learning rate changes during a run.
///
/// A function of where the run stands, but for `plateau`, which also depends on what validation has found so far.
public struct LearningRateSchedule: Sendable, Equatable, Codable {
    /// How the rate goes down.
    public enum Decay: Sendable, Equatable, Codable {
        /// The same from the beginning to the end.
        case constant
        /// Times `factor` after every so many epochs, as PyTorch's `StepLR`.
        case step(epochs: Int, factor: Double)
        /// Times `factor` after every epoch, as PyTorch's `ExponentialLR`.
        case exponential(factor: Double)
        /// Half a cosine from the full rate to `finalRate`, from the end of the warm-up to that of the run.
        ///
        /// Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017; PyTorch's
        /// `CosineAnnealingLR`.
        case cosine(finalRate: Double)
        /// Times `factor` whenever more than `patience` validations in a row have found no loss below the best by
        /// the share `threshold`, as PyTorch's `ReduceLROnPlateau`.
        ///
        /// The loss is that of the held-out text, in nats; without one, that of each epoch's training.
        case plateau(factor: Double, patience: Int, threshold: Double = 1e-4)
    }

    /// How the rate goes down.
    public var decay: Decay
    /// The first steps, in which the rate grows in equal parts to the full one.
    public var warmUpSteps: Int

    /// Describes a schedule; the default is the same rate throughout.
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
        /// How often a plateau has lowered the rate.
        package var reductions: Int

        package init(epoch: Int, minibatch: Int, minibatches: Int, epochs: Int, reductions: Int = 0) {
            self.epoch = epoch
            self.minibatch = minibatch
            self.minibatches = minibatches
            self.epochs = epochs
            self.reductions = reductions
        }
    }

    /// The rate of the step that comes next, where the full one is `rate`.
    package func rate(from rate: Double, at moment: Moment) -> Double {
        let step = Double(moment.epoch) * Double(moment.minibatches) + Double(moment.minibatch)
        let warmUp = Double(warmUpSteps)
        if step + 1 < warmUp { return rate * (step + 1) / warmUp }
        switch decay {
        case .constant:
            return rate
        case .step(let epochs, let factor):
            return rate * pow(factor, Double(moment.epoch / epochs))
        case .exponential(let factor):
            return rate * pow(factor, Double(moment.epoch))
        case .cosine(let finalRate):
            let steps = Double(moment.epochs) * Double(moment.minibatches) - warmUp
            let share = steps > 0 ? min(max((step - warmUp) / steps, 0), 1) : 1
            return finalRate + (rate - finalRate) * (1 + cos(.pi * share)) / 2
        case .plateau(let factor, _, _):
            return rate * pow(factor, Double(moment.reductions))
        }
    }

    func check() throws(TrainingError) {
        guard warmUpSteps >= 0 else {
            throw .invalidOption("the steps of the warm-up (--warmup) must not be negative")
        }
        switch decay {
        case .constant:
            break
        case .step(let epochs, let factor):
            guard epochs >= 1 else { throw .invalidOption("--decay-after must be at least 1 epoch") }
            try Self.check(factor)
        case .exponential(let factor):
            try Self.check(factor)
        case .cosine(let finalRate):
            guard finalRate >= 0, finalRate.isFinite else {
                throw .invalidOption("the final learning rate (--final-rate) must be 0 or a positive number")
            }
        case .plateau(let factor, let patience, let threshold):
            try Self.check(factor)
            guard patience >= 0 else {
                throw .invalidOption("the plateau's patience (--decay-after) must not be negative")
            }
            guard (0..<1).contains(threshold) else {
                throw .invalidOption("the plateau's threshold must be a share, from 0 to below 1")
            }
        }
    }

    private static func check(_ factor: Double) throws(TrainingError) {
        guard factor > 0, factor <= 1 else {
            throw .invalidOption("the factor of the learning rate (--decay) must be above 0 and at most 1")
        }
    }
}

/// What a plateau remembers of the losses that it has seen.
package struct PlateauState: Codable, Equatable {
    /// The least loss, in nats.
    private var best: Double?
    /// Losses since then.
    private var badCount = 0
    /// How often the rate has been lowered.
    package private(set) var reductions = 0

    package init() {}

    /// Takes notice of a loss, and says whether the rate is to be lowered.
    package mutating func observe(_ loss: Double, patience: Int, threshold: Double) -> Bool {
        if best.map({ loss < $0 * (1 - threshold) }) ?? true {
            best = loss
            badCount = 0
        } else {
            badCount += 1
        }
        guard badCount > patience else { return false }
        badCount = 0
        reductions += 1
        return true
    }
}
