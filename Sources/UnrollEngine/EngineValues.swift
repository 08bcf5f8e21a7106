import UnrollBase
import UnrollKernels
import UnrollText

/// What computes, as a value: `cpu (avx512)`, `cpu (avx2, bfloat16)`, `cuda (NVIDIA H200)`, `reference`.
public struct EngineDescription: Sendable, Hashable, CustomStringConvertible {
    /// The kind of engine, such as "cpu".
    public var name: String
    /// The number format of matrix-multiplication operands; nil for double precision.
    public var precision: Precision?
    /// Threads that compute.
    public var threads: Int
    /// The kernels in use; nil for an engine without.
    public var kernelLevel: KernelLevel?
    /// The name of the device that computes; nil for the processor.
    public var device: String?
    /// Which kernels of the device compute, where there is a choice; nil for the usual ones.
    public var kernels: String?

    /// Collects the facts.
    public init(
        name: String, precision: Precision? = nil, threads: Int = 1, kernelLevel: KernelLevel? = nil,
        device: String? = nil, kernels: String? = nil
    ) {
        self.name = name
        self.precision = precision
        self.threads = threads
        self.kernelLevel = kernelLevel
        self.device = device
        self.kernels = kernels
    }

    /// The name, and what differs between machines and runs.
    public var description: String {
        let details = [
            device, kernelLevel?.rawValue, precision.flatMap { $0 == .float32 ? nil : $0.rawValue },
            kernels,
        ].compactMap(\.self)
        return details.isEmpty ? name : "\(name) (\(details.joined(separator: ", ")))"
    }
}

/// What one step of training needs beside the parameters.
public struct TrainingStep: Sendable, Equatable {
    /// Inputs and targets, `[T, B]`.
    public var minibatch: Minibatch
    /// How the gradient becomes an update, with the learning rate of this step.
    public var optimizer: Optimizer
    /// What is left out at random; nil for nothing.
    public var randomness: StepRandomness?

    /// Collects what a step needs.
    public init(
        minibatch: Minibatch = Minibatch(), optimizer: Optimizer = Optimizer(),
        randomness: StepRandomness? = nil
    ) {
        self.minibatch = minibatch
        self.optimizer = optimizer
        self.randomness = randomness
    }
}

/// What one training step found.
public struct StepResult: Sendable, Equatable, CustomStringConvertible {
    /// The mean loss over the minibatch, in nats per token, before the update.
    public var meanLoss: Double
    /// The Euclidean norm of the gradient of all parameters together, before clipping.
    public var gradientNorm: Double

    /// Creates a result.
    public init(meanLoss: Double, gradientNorm: Double) {
        self.meanLoss = meanLoss
        self.gradientNorm = gradientNorm
    }

    /// Whether loss and gradient norm are finite; if not, training has diverged and the update was left out.
    public var isFinite: Bool { meanLoss.isFinite && gradientNorm.isFinite }

    /// Loss and norm in one line.
    public var description: String {
        "loss \(NumberFormat.decimal(meanLoss)) nats per token, gradient norm \(NumberFormat.decimal(gradientNorm))"
            + (isFinite ? "" : ", parameters unchanged")
    }
}

/// How well one token of a minibatch was predicted.
public struct TokenPrediction: Sendable, Equatable {
    /// The loss of the token that came, in nats.
    public var loss: Double
    /// The loss to be expected before it came: the entropy of the probabilities, in nats.
    public var entropy: Double

    /// Creates a prediction.
    public init(loss: Double, entropy: Double) {
        self.loss = loss
        self.entropy = entropy
    }
}
