/// How an engine turns a gradient into an update: a value, which the engine executes over its own layout.
///
/// Rules are PyTorch's. Of a rule's slots, such as momentum, the engine keeps one number for each parameter:
/// ``OptimizerState``. A step with a rule of other slots than the step before drops those and begins with its own at
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
        /// When to use it: where plain SGD is slow because gradients point to and fro; with about a tenth of its
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
        /// is not to be had.
        ///
        /// Tieleman, Hinton, "Lecture 6.5: RMSprop", 2012.
        case rmsprop(decay: Float = 0.99, epsilon: Float = 1e-8)
        /// A running mean of gradients divided by the root of one of their squares, both corrected for their start at
        /// zero.
        ///
        /// When to use it: first, wherever no other rule is known to be better; at learning rates around 0.001.
        ///
        /// Kingma, Ba, "Adam: a method for stochastic optimization", ICLR 2015.
        case adam(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)
        /// Adam whose weight decay shrinks the parameters by themselves and does not pass through the running means.
        ///
        /// When to use it: in place of Adam where the model overfits and weights are to be kept small.
        ///
        /// Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019.
        case adamw(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8)

        /// Every rule with its usual numbers.
        public static let all: [Rule] = [.sgd, .momentum(), .nesterov(), .rmsprop(), .adam(), .adamw()]

        /// The name, as in files and flags.
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
    /// It begins with the parameters after the first update with averaging, and stays as it is in updates without.
    public enum Averaging: Sendable, Equatable {
        /// No average goes on.
        case none
        /// The mean of the parameters after each update.
        ///
        /// When to use it: at the end of training with SGD, from when the loss no longer falls.
        ///
        /// Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the average of PyTorch's
        /// `ASGD` with `lambd=0`. What turns it on is the caller's: Merity, Keskar, Socher, "Regularizing and
        /// optimizing LSTM language models", ICLR 2018, do when the validation loss has stopped falling.
        case mean
        /// A mean in which older parameters count less by a factor of `decay` with each update.
        ///
        /// At its n-th update, from 0, the factor is min(decay, (1 + n) / (10 + n)), so that the parameters of the
        /// beginning are soon forgotten.
        ///
        /// When to use it: from the beginning, with any rule, to smooth the last steps out.
        case exponential(decay: Float)
    }

    /// The rule of the update.
    public var rule: Rule
    /// The size of the step.
    public var learningRate: Float
    /// The greatest Euclidean norm that the gradient of all parameters together may have; nil for no bound.
    ///
    /// Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    public var maxGradientNorm: Float?
    /// How strongly every parameter, biases too, is pulled towards zero.
    ///
    /// As in PyTorch: this much of the parameters is added to the gradient, after clipping; with `adamw` the
    /// parameters shrink by this much of the learning rate instead.
    public var weightDecay: Float
    /// The running average of the parameters.
    public var averaging: Averaging

    /// Describes an optimizer; the default is that of "RNN from scratch".
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

    /// Checks that every number makes sense, so that no update divides zero by zero.
    ///
    /// - Throws: `EngineError.invalidOptimizer`, which names the first number that does not.
    public func check() throws(EngineError) {
        func require(_ isValid: Bool, _ name: String, _ value: Float, _ range: String) throws(EngineError) {
            guard isValid else { throw .invalidOptimizer(name: name, value: value, range: range) }
        }
        func requireShare(_ value: Float, _ name: String) throws(EngineError) {
            try require(value >= 0 && value < 1, name, value, "at least 0 and less than 1")
        }
        func requireAmount(_ value: Float, _ name: String) throws(EngineError) {
            try require(value >= 0 && value.isFinite, name, value, "at least 0 and finite")
        }
        func requireEpsilon(_ value: Float) throws(EngineError) {
            try require(value > 0 && value.isNormal, "epsilon", value, "positive and finite, such as 1e-8")
        }
        try requireAmount(learningRate, "the learning rate")
        if let maxGradientNorm {
            try require(
                maxGradientNorm > 0 && maxGradientNorm.isFinite, "the bound of the gradient's norm",
                maxGradientNorm, "positive and finite")
        }
        try requireAmount(weightDecay, "the weight decay")
        switch rule {
        case .sgd: break
        case .momentum(let momentum), .nesterov(let momentum): try requireShare(momentum, "the momentum")
        case .rmsprop(let decay, let epsilon):
            try requireShare(decay, "the decay of RMSprop")
            try requireEpsilon(epsilon)
        case .adam(let beta1, let beta2, let epsilon), .adamw(let beta1, let beta2, let epsilon):
            try requireShare(beta1, "beta1")
            try requireShare(beta2, "beta2")
            try requireEpsilon(epsilon)
        }
        if case .exponential(let decay) = averaging { try requireShare(decay, "the decay of the average") }
    }
}
