import UnrollModel

/// What an optimizer keeps beside the parameters, in double precision, and its arithmetic in plain loops, beside
/// `OptimizerStep`, whose formulas these are.
///
/// Slots are tensors like the parameters, in the order of `ModelConfiguration.parameterShapes`, each flat.
struct ReferenceOptimizer {
    private(set) var steps = 0
    private(set) var averagedSteps = 0
    private(set) var slots: [OptimizerSlot: [[Double]]] = [:]

    /// The state before the first update.
    init() {}

    /// Continues from a state.
    ///
    /// - Throws: `EngineError.invalidOptimizerState` or `ModelError`.
    init(
        _ state: OptimizerState, shapes: [(name: String, shape: [Int])]
    ) throws {
        try state.check(shapes: shapes)
        steps = state.steps
        averagedSteps = state.averagedSteps
        for slot in OptimizerSlot.allCases {
            slots[slot] = try state.tensors(of: slot, shapes: shapes)?.entries.map {
                $0.values.map(Double.init)
            }
        }
    }

    /// The state, rounded to single precision.
    func state(shapes: [(name: String, shape: [Int])]) -> OptimizerState {
        let entries = OptimizerSlot.allCases.flatMap { slot in
            zip(shapes, slots[slot] ?? []).map { parameter, values in
                ModelParameters.Entry(
                    name: slot.name(of: parameter.name), shape: parameter.shape,
                    values: values.map(Float.init))
            }
        }
        return OptimizerState(steps: steps, averagedSteps: averagedSteps, slots: NamedTensors(entries))
    }

    /// Updates the parameters.
    mutating func update(
        _ parameters: inout [[Double]], gradients: [[Double]], norm: Double, with optimizer: Optimizer
    ) {
        let zeros = parameters.map { $0.map { _ in 0.0 } }
        let kept = optimizer.rule.slots
        if Set(kept) != Set(slots.keys).subtracting([.average]) {
            steps = 0
            slots = slots.filter { $0.key == .average }
            for slot in kept { slots[slot] = zeros }
        }
        let step = OptimizerStep(
            optimizer, gradientNorm: norm, steps: steps, averagedSteps: averagedSteps)
        for tensor in parameters.indices {
            update(&parameters[tensor], gradients: gradients[tensor], tensor: tensor, by: step)
        }
        steps += 1
        guard optimizer.averaging != .none else { return }
        averagedSteps += 1
        let average = slots[.average] ?? zeros
        slots[.average] = zip(average, parameters).map { average, parameters in
            zip(average, parameters).map { $0 + step.averageShare * ($1 - $0) }
        }
    }

    /// Updates the parameters of one tensor.
    private mutating func update(
        _ parameters: inout [Double], gradients: [Double], tensor: Int, by step: OptimizerStep
    ) {
        var momentum = slots[.momentum]?[tensor]
        var square = slots[.square]?[tensor]
        for index in parameters.indices {
            let p = parameters[index]
            let g = step.gradientScale * gradients[index] + step.weightDecay * p
            var direction = g
            if let m = momentum?[index] {
                direction = step.momentum * m + step.momentumShare * g
                momentum?[index] = direction
                if step.isNesterov { direction = g + step.momentum * direction }
            }
            if let v = square?[index] {
                let v = step.squareDecay * v + step.squareShare * g * g
                square?[index] = v
                direction /= step.rootScale * v.squareRoot() + step.epsilon
            }
            parameters[index] = p - step.shrinkage * p - step.rate * direction
        }
        if let momentum { slots[.momentum]?[tensor] = momentum }
        if let square { slots[.square]?[tensor] = square }
    }

    /// Exchanges parameters and their average, if there is one.
    mutating func exchangeAverage(with parameters: inout [[Double]]) {
        guard let average = slots[.average] else { return }
        slots[.average] = parameters
        parameters = average
    }
}
