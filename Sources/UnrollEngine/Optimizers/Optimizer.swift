import UnrollBase

/// How an engine turns a gradient into an update: a value that the engine executes over its own layout.
///
/// The rules are PyTorch's. For each of a rule's slots, such as momentum, the engine keeps one number per parameter:
/// ``OptimizerState``. A step whose rule has other slots than the step before drops those and begins with its own at
/// zero.
public struct Optimizer: Sendable, Equatable {
    /// The rule of the update.
    public enum Rule: Sendable, Equatable {
        /// Stochastic gradient descent: parameters -= learning rate x gradient.
        ///
        /// When to use it: with clipping, for results like the book's, and for the least memory; it needs a large
        /// learning rate, found by trying.
        case sgd
        /// SGD along a decaying sum of gradients, without dampening.
        ///
        /// When to use it: where plain SGD is slow because gradients swing back and forth; with about a tenth of its
        /// learning rate.
        ///
        /// Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
        case momentum(Float = 0.9)
        /// Momentum that looks ahead: the gradient counts once more, as if the next step had been made.
        ///
        /// When to use it: as momentum, where that overshoots.
        ///
        /// Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep learning",
        /// ICML 2013.
        case nesterov(Float = 0.9)
        /// The gradient divided by the root of a running mean of its squares, plus epsilon.
        ///
        /// When to use it: where gradients of different parameters differ in size and memory for Adam's second slot
        /// is not available.
        ///
        /// Tieleman, Hinton, "Lecture 6.5: RMSprop", 2012.
        case rmsprop(decay: Float = 0.99, epsilon: Float = 1e-8)
        /// A running mean of gradients divided by the root of one of their squares, both corrected for their start at
        /// zero.
        ///
        /// When to use it: first, unless another rule is known to be better; at learning rates around 0.001.
        ///
        /// Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015.
        case adam(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)
        /// Adam whose weight decay shrinks the parameters by themselves and does not pass through the running means.
        ///
        /// When to use it: in place of Adam where the model overfits and weights are to be kept small.
        ///
        /// Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019.
        case adamw(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)

        /// Every rule with its default numbers.
        public static let all: [Rule] = [.sgd, .momentum(), .nesterov(), .rmsprop(), .adam(), .adamw()]

        /// The name, as in files.
        public var name: String {
            switch self {
            case .sgd: "sgd"
            case .momentum: "momentum"
            case .nesterov: "nesterov"
            case .rmsprop: "rmsprop"
            case .adam: "adam"
            case .adamw: "adamw"
            }
        }
    }

    /// A running average of the parameters, which often does better than the last of them.
    ///
    /// It starts with the parameters after the first update with averaging, and does not change in updates without.
    public enum Averaging: Sendable, Equatable {
        /// No average.
        case none
        /// The mean of the parameters after each update.
        ///
        /// When to use it: at the end of training with SGD, from when the loss no longer falls.
        ///
        /// Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the average of PyTorch's
        /// `ASGD` with `lambd=0`. The caller turns it on: Merity, Keskar, Socher, "Regularizing and
        /// optimizing LSTM language models", ICLR 2018, do when the validation loss has stopped falling.
        case mean
        /// A mean in which older parameters count less by a factor of `decay` with each update.
        ///
        /// At its n-th update, from 0, the factor is min(decay, (1 + n) / (10 + n)), so that the first
        /// parameters are soon forgotten.
        ///
        /// When to use it: from the beginning, with any rule, to smooth out the last steps.
        case exponential(decay: Float)
    }

    /// The rule of the update.
    ///
    /// Default: SGD.
    public var rule: Rule
    /// The size of the step, at least 0.
    ///
    /// Default: 1.
    public var learningRate: Float
    /// The greatest Euclidean norm of the gradient of all parameters together; nil for no limit.
    ///
    /// Default: 1.
    ///
    /// Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    public var maxGradientNorm: Float?
    /// How strongly every parameter, biases included, is pulled toward zero, at least 0.
    ///
    /// Default: 0.
    ///
    /// As in PyTorch: this much of the parameters is added to the gradient, after clipping; with `adamw` the
    /// parameters shrink by this much of the learning rate instead.
    public var weightDecay: Float
    /// The running average of the parameters.
    ///
    /// Default: none.
    public var averaging: Averaging

    /// Creates an optimizer.
    ///
    /// Default: that of "RNN from scratch".
    public init(
        rule: Rule = .sgd, learningRate: Float = 1, maxGradientNorm: Float? = 1, weightDecay: Float = 0,
        averaging: Averaging = .none
    ) {
        self.rule = rule
        self.learningRate = learningRate
        self.maxGradientNorm = maxGradientNorm
        self.weightDecay = weightDecay
        self.averaging = averaging
    }

    /// Checks that every number is in its range, so that no update divides zero by zero.
    ///
    /// - Throws: `ParameterError.outOfRange` with the first number that is not: `learningRate`, `maxGradientNorm`,
    ///   `weightDecay`, `momentum`, `decay`, `beta1`, `beta2`, `epsilon` or `averagingDecay`.
    public func check() throws(ParameterError) {
        func requireShare(_ value: Float, _ name: String) throws(ParameterError) {
            try ParameterError.require(value >= 0 && value < 1, name, is: value, but: "in 0..<1")
        }
        func requireAmount(_ value: Float, _ name: String) throws(ParameterError) {
            try ParameterError.require(
                value >= 0 && value.isFinite, name, is: value, but: "at least 0 and finite")
        }
        func requireEpsilon(_ value: Float) throws(ParameterError) {
            try ParameterError.require(
                value > 0 && value.isNormal, "epsilon", is: value, but: "positive and finite, such as 1e-8")
        }
        try requireAmount(learningRate, "learningRate")
        if let maxGradientNorm {
            try ParameterError.require(
                maxGradientNorm > 0 && maxGradientNorm.isFinite, "maxGradientNorm", is: maxGradientNorm,
                but: "positive and finite")
        }
        try requireAmount(weightDecay, "weightDecay")
        switch rule {
        case .sgd: break
        case .momentum(let momentum), .nesterov(let momentum): try requireShare(momentum, "momentum")
        case .rmsprop(let decay, let epsilon):
            try requireShare(decay, "decay")
            try requireEpsilon(epsilon)
        case .adam(let beta1, let beta2, let epsilon), .adamw(let beta1, let beta2, let epsilon):
            try requireShare(beta1, "beta1")
            try requireShare(beta2, "beta2")
            try requireEpsilon(epsilon)
        }
        if case .exponential(let decay) = averaging { try requireShare(decay, "averagingDecay") }
    }
}
