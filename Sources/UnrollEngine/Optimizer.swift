/// How an engine turns a gradient into an update: a value, which the engine executes over its own layout.
public struct Optimizer: Sendable, Equatable, Codable {
    /// The rule of the update.
    public enum Rule: String, Sendable, Codable, CaseIterable {
        /// Stochastic gradient descent: parameters -= learning rate x gradient.
        case sgd
    }

    /// The rule of the update.
    public var rule: Rule
    /// The size of the step.
    public var learningRate: Float
    /// The greatest Euclidean norm that the gradient of all parameters together may have; nil for no bound.
    ///
    /// Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    public var gradientNormBound: Float?

    /// Describes an optimizer; the default is that of "RNN from scratch".
    public init(rule: Rule = .sgd, learningRate: Float = 1, gradientNormBound: Float? = 1) {
        self.rule = rule
        self.learningRate = learningRate
        self.gradientNormBound = gradientNormBound
    }

    /// The learning rate with the clipping of a gradient of this norm included.
    func effectiveRate(gradientNorm: Double) -> Double {
        guard let bound = gradientNormBound, gradientNorm > Double(bound) else { return Double(learningRate) }
        return Double(learningRate) * Double(bound) / gradientNorm
    }
}
