import UnrollEngine

/// How a model learns from a text while it is evaluated on it: each piece after it was scored, never before.
///
/// This is the simple form of Krause, Kahembwe, Murray, Renals, "Dynamic evaluation of neural sequence models", ICML 2018:
/// a step of stochastic gradient descent on the mean loss of each piece, and no pull back to the first parameters.
public struct DynamicEvaluation: Sendable, Equatable {
    /// The size of the steps.
    public var learningRate: Float
    /// Tokens from one step to the next, as far as gradients reach back.
    public var pieceLength: Int
    /// The greatest norm that a gradient may have; nil for no bound.
    public var maxGradientNorm: Float?

    /// Describes a dynamic evaluation.
    public init(learningRate: Float = 0.03, pieceLength: Int = 20, maxGradientNorm: Float? = 1) {
        self.learningRate = learningRate
        self.pieceLength = pieceLength
        self.maxGradientNorm = maxGradientNorm
    }

    func check() throws(GenerationError) {
        guard learningRate > 0, learningRate.isFinite else {
            throw .invalidOption(
                "the learning rate (--learning-rate) is \(learningRate) but must be positive")
        }
        guard pieceLength > 0 else {
            throw .invalidOption("the length of a piece is \(pieceLength) but must be positive")
        }
    }

    var optimizer: Optimizer {
        Optimizer(rule: .sgd, learningRate: learningRate, maxGradientNorm: maxGradientNorm)
    }
}
