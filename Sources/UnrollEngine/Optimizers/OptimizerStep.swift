import Foundation

/// One update in numbers, computed from optimizer, gradient norm and count of steps in one way for every engine.
///
/// With p a parameter, g its gradient, m and v its slots `momentum` and `square`, a its average, and without what a
/// rule lacks:
///
///     g ← gradientScale g + weightDecay p
///     p ← p - shrinkage p
///     m ← momentum m + momentumShare g
///     v ← squareDecay v + squareShare g²
///     p ← p - rate d, where d is m, with nesterov g + momentum m, without momentum g;
///                     with a square divided by rootScale √v + epsilon
///     a ← a + averageShare (p - a)
package struct OptimizerStep {
    /// The factor of clipping; for plain SGD it is part of the rate.
    package var gradientScale = 1.0
    /// The learning rate with what the rule corrects.
    package var rate: Double
    /// How much of the parameter is added to the gradient.
    package var weightDecay = 0.0
    /// The share of the parameter that is taken away beside the gradient's step.
    package var shrinkage = 0.0
    package var momentum = 0.0
    package var momentumShare = 1.0
    package var isNesterov = false
    package var squareDecay = 0.0
    package var squareShare = 1.0
    package var rootScale = 1.0
    package var epsilon = 0.0
    package var averageShare = 0.0

    /// Computes the numbers of an update.
    ///
    /// - Parameters:
    ///   - optimizer: The optimizer.
    ///   - gradientNorm: The norm of the gradient before clipping.
    ///   - steps: Updates before this one since the rule's slots were zero.
    ///   - averagedSteps: Updates before this one in the average.
    package init(_ optimizer: Optimizer, gradientNorm: Double, steps: Int, averagedSteps: Int) {
        let learningRate = Double(optimizer.learningRate)
        let decay = Double(optimizer.weightDecay)
        rate = learningRate
        if let bound = optimizer.maxGradientNorm.map(Double.init), gradientNorm > bound {
            if optimizer.rule == .sgd {
                rate = learningRate * bound / gradientNorm
            } else {
                gradientScale = bound / gradientNorm
            }
        }
        switch optimizer.rule {
        case .sgd:
            // Added to the gradient or not, it is the same, and a step without decay is a single multiply-add.
            shrinkage = learningRate * decay
        case .momentum(let momentum), .nesterov(let momentum):
            weightDecay = decay
            self.momentum = Double(momentum)
            if case .nesterov = optimizer.rule { isNesterov = true }
        case .rmsprop(let squareDecay, let epsilon):
            weightDecay = decay
            self.squareDecay = Double(squareDecay)
            squareShare = 1 - self.squareDecay
            self.epsilon = Double(epsilon)
        case .adam(let beta1, let beta2, let epsilon), .adamw(let beta1, let beta2, let epsilon):
            if case .adamw = optimizer.rule { shrinkage = learningRate * decay } else { weightDecay = decay }
            momentum = Double(beta1)
            momentumShare = 1 - momentum
            squareDecay = Double(beta2)
            squareShare = 1 - squareDecay
            self.epsilon = Double(epsilon)
            rate = learningRate / (1 - pow(momentum, Double(steps + 1)))
            rootScale = 1 / (1 - pow(squareDecay, Double(steps + 1))).squareRoot()
        }
        switch optimizer.averaging {
        case .none: break
        case .mean: averageShare = 1 / Double(averagedSteps + 1)
        case .exponential(let decay):
            let n = Double(averagedSteps)
            averageShare = averagedSteps == 0 ? 1 : 1 - min(Double(decay), (1 + n) / (10 + n))
        }
    }
}
