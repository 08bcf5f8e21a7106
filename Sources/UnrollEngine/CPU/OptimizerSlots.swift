import CUnrollKernels
import UnrollKernels
import UnrollModel

/// What an optimizer keeps beside the parameters, in their layout; memory is taken when a step first needs it.
final class OptimizerSlots {
    /// Present if the rule of the last step has it.
    private(set) var momentum: PackedParameters?
    /// Present if the rule of the last step has it.
    private(set) var square: PackedParameters?
    /// Present from the first step with averaging on.
    private(set) var average: PackedParameters?

    private let shape: ModelShape
    private var steps = 0
    private var averagedSteps = 0

    init(shape: ModelShape) {
        self.shape = shape
    }

    /// Makes the slots of an optimizer's rule, at zero where the rule before had others.
    func prepare(for optimizer: Optimizer) throws(KernelError) {
        let kept = optimizer.rule.slots
        let (hasMomentum, hasSquare) = (kept.contains(.momentum), kept.contains(.square))
        if hasMomentum != (momentum != nil) || hasSquare != (square != nil) {
            (momentum, square, steps) = (nil, nil, 0)
            if hasMomentum { momentum = try PackedParameters(shape: shape) }
            if hasSquare { square = try PackedParameters(shape: shape) }
        }
        if optimizer.averaging != .none, average == nil { average = try PackedParameters(shape: shape) }
    }

    /// The next update as the kernels take it.
    func step(_ optimizer: Optimizer, gradientNorm: Double) -> UnrollUpdate {
        let step = OptimizerStep(
            optimizer, gradientNorm: gradientNorm, steps: steps, averagedSteps: averagedSteps)
        return UnrollUpdate(
            rule: optimizer.rule.kernelRule, gradient_scale: Float(step.gradientScale),
            weight_decay: Float(step.weightDecay), shrinkage: Float(step.shrinkage), rate: Float(step.rate),
            momentum: Float(step.momentum), momentum_share: Float(step.momentumShare),
            square_decay: Float(step.squareDecay), square_share: Float(step.squareShare),
            root_scale: Float(step.rootScale), epsilon: Float(step.epsilon),
            average_share: Float(step.averageShare))
    }

    /// Notes that an update has been made.
    func count(_ optimizer: Optimizer) {
        steps += 1
        if optimizer.averaging != .none { averagedSteps += 1 }
    }

    /// Exchanges parameters and their average, if there is one; returns whether there is.
    func exchangeAverage(with parameters: PackedParameters) -> Bool {
        guard let average, averagedSteps > 0 else { return false }
        parameters.exchange(with: average)
        return true
    }

    /// The state under PyTorch's names of the parameters.
    func state(shapes: [(name: String, shape: [Int])]) -> OptimizerState {
        // Before the first finite step, slots exist but hold nothing.
        let slots: [(OptimizerSlot, PackedParameters?)] = [
            (.momentum, steps > 0 ? momentum : nil), (.square, steps > 0 ? square : nil),
            (.average, averagedSteps > 0 ? average : nil),
        ]
        let entries = slots.flatMap { slot, packed in
            let tensors: ModelParameters = packed?.unpacked(as: shapes) ?? ModelParameters()
            return tensors.entries.map {
                ModelParameters.Entry(name: slot.name(of: $0.name), shape: $0.shape, values: $0.values)
            }
        }
        return OptimizerState(steps: steps, averagedSteps: averagedSteps, slots: NamedTensors(entries))
    }

    /// Continues from a state, or leaves everything as it is.
    func restore(_ state: OptimizerState, shapes: [(name: String, shape: [Int])]) throws {
        try state.check(shapes: shapes)
        func packed(_ slot: OptimizerSlot) throws -> PackedParameters? {
            guard let tensors = try state.tensors(of: slot, shapes: shapes) else { return nil }
            let packed = try PackedParameters(shape: shape)
            packed.pack(tensors)
            return packed
        }
        (momentum, square, average) = (try packed(.momentum), try packed(.square), try packed(.average))
        steps = state.steps
        averagedSteps = state.averagedSteps
    }
}

extension Optimizer.Rule {
    /// The rule as the kernels know it; Adam's two forms of weight decay differ in their numbers only.
    fileprivate var kernelRule: UnrollRule {
        switch self {
        case .sgd: UNROLL_RULE_SGD
        case .momentum: UNROLL_RULE_MOMENTUM
        case .nesterov: UNROLL_RULE_NESTEROV
        case .rmsprop: UNROLL_RULE_RMSPROP
        case .adam, .adamw: UNROLL_RULE_ADAM
        }
    }
}
