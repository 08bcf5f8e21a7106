import UnrollModel

/// What an optimizer keeps beside the parameters; once it is restored, training continues as if uninterrupted.
public struct OptimizerState: Sendable, Equatable {
    /// Updates since the slots of the rule were zero.
    public var steps: Int
    /// Updates in the running average.
    public var averagedSteps: Int
    /// What the rule keeps for each parameter, such as `momentum.rnn.weight_hh_l0` or `square.rnn.weight_hh_l0`, and its
    /// average, such as `average.rnn.weight_hh_l0`, each of the parameter's shape.
    public var slots: NamedTensors<Float>

    /// Creates a state.
    ///
    /// Default: the one before the first update.
    public init(steps: Int = 0, averagedSteps: Int = 0, slots: NamedTensors<Float> = NamedTensors()) {
        self.steps = steps
        self.averagedSteps = averagedSteps
        self.slots = slots
    }
}

/// What an optimizer keeps for each parameter.
package enum OptimizerSlot: String, CaseIterable {
    /// A decaying sum of gradients, or a running mean of them.
    case momentum
    /// A running mean of the gradients' squares.
    case square
    /// The running average of the parameter.
    case average

    /// The name of the slot of a parameter.
    package func name(of parameter: String) -> String { "\(rawValue).\(parameter)" }
}

extension Optimizer.Rule {
    /// What the rule keeps for each parameter.
    package var slots: [OptimizerSlot] {
        switch self {
        case .sgd: []
        case .momentum, .nesterov: [.momentum]
        case .rmsprop: [.square]
        case .adam, .adamw: [.momentum, .square]
        }
    }
}

extension OptimizerState {
    /// Picks out a slot of all parameters.
    ///
    /// - Parameters:
    ///   - slot: The slot.
    ///   - shapes: Names and shapes of the parameters.
    /// - Returns: The slot under the parameters' names; nil if there is none.
    /// - Throws: `ModelError` when it is there for some parameters only, or of other shapes.
    package func tensors(
        of slot: OptimizerSlot, shapes: [(name: String, shape: [Int])]
    ) throws(ModelError) -> ModelParameters? {
        guard slots.entries.contains(where: { $0.name.hasPrefix(slot.name(of: "")) }) else { return nil }
        var tensors = ModelParameters()
        for (parameter, shape) in shapes {
            let name = slot.name(of: parameter)
            guard let entry = slots[name] else { throw .missingTensor(name) }
            guard entry.shape == shape, entry.values.count == shape.reduce(1, *) else {
                throw .shapeMismatch(name: name, expected: shape, actual: entry.shape)
            }
            tensors.entries.append(.init(name: parameter, shape: shape, values: entry.values))
        }
        return tensors
    }

    /// Checks that counts and names are those of an optimizer's state; shapes are checked with each slot's tensors.
    ///
    /// - Throws: `EngineError.invalidOptimizerState` or `ModelError`.
    package func check(shapes: [(name: String, shape: [Int])]) throws {
        let contradiction = EngineError.invalidOptimizerState(steps: steps, averagedSteps: averagedSteps)
        guard steps >= 0, averagedSteps >= 0 else { throw contradiction }
        let known = Set(OptimizerSlot.allCases.flatMap { slot in shapes.map { slot.name(of: $0.name) } })
        if let stranger = slots.entries.first(where: { !known.contains($0.name) }) {
            throw ModelError.unexpectedTensor(stranger.name)
        }
        if let twin = slots.duplicateName { throw ModelError.duplicateTensor(twin) }
        let average = OptimizerSlot.average.name(of: "")
        let isAverage = { (entry: ModelParameters.Entry) in entry.name.hasPrefix(average) }
        // An average belongs to averaged steps, and the rule's slots to steps.
        guard slots.entries.contains(where: isAverage) == (averagedSteps > 0),
            steps > 0 || slots.entries.allSatisfy(isAverage)
        else { throw contradiction }
    }
}
