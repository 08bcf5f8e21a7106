import UnrollEngine
import UnrollModel

extension Optimizer {
    /// The slots that a step updates.
    var updatedSlots: Set<OptimizerSlot> {
        Set(rule.slots).union(averaging == .none ? [] : [.average])
    }
}

/// What the optimizer keeps beside the parameters, in their layout; memory is taken when a step first needs it, and kept.
final class OptimizerMemory {
    private(set) var steps = 0
    private(set) var averagedSteps = 0
    private var memory: [OptimizerSlot: DeviceMemory] = [:]
    /// The slots of the last step's rule.
    private var ruleSlots: Set<OptimizerSlot> = []
    private let layout: ParameterLayout
    private let device: any Device
    private let queue: any DeviceQueue

    init(layout: ParameterLayout, device: any Device, queue: any DeviceQueue) {
        self.layout = layout
        self.device = device
        self.queue = queue
    }

    /// Makes the slots of an optimizer's rule, at zero where the rule before had others.
    func prepare(for optimizer: Optimizer) throws(CUDAError) {
        let needed = Set(optimizer.rule.slots)
        if needed != ruleSlots {
            for slot in needed { try clear(slot) }
            (ruleSlots, steps) = (needed, 0)
        }
        if optimizer.averaging != .none, averagedSteps == 0 { try clear(.average) }
    }

    private func clear(_ slot: OptimizerSlot) throws(CUDAError) {
        let cleared: DeviceMemory
        if let memory = memory[slot] {
            cleared = memory
        } else {
            cleared = try DeviceMemory(byteCount: 4 * layout.count, on: device)
            memory[slot] = cleared
        }
        try queue.fillWithZeros(cleared.address, byteCount: cleared.byteCount)
    }

    /// Notes that updates have been made.
    func count(_ optimizer: Optimizer, steps: Int) {
        self.steps += steps
        if optimizer.averaging != .none { averagedSteps += steps }
    }

    /// The slots that a step updates.
    func addresses(of purpose: StepPurpose) -> [OptimizerSlot: DeviceAddress] {
        memory.filter { purpose.slots.contains($0.key) }.mapValues(\.address)
    }

    /// Bytes of all slots.
    var byteCount: Int { memory.values.reduce(0) { $0 + $1.byteCount } }

    /// The average, if there is one.
    var averageAddress: DeviceAddress? { averagedSteps > 0 ? memory[.average]?.address : nil }

    /// The state under PyTorch's names of the parameters.
    func state(shapes: [(name: String, shape: [Int])]) throws(CUDAError) -> OptimizerState {
        var entries: [ModelParameters.Entry] = []
        // Before the first finite step, slots exist but hold nothing.
        for slot in OptimizerSlot.allCases
        where slot == .average ? averagedSteps > 0 : steps > 0 && ruleSlots.contains(slot) {
            guard let memory = memory[slot] else { continue }
            let tensors: ModelParameters = layout.unpacked(
                try queue.floats(at: memory.address, count: layout.count))
            entries += tensors.entries.map {
                .init(name: slot.name(of: $0.name), shape: $0.shape, values: $0.values)
            }
        }
        return OptimizerState(steps: steps, averagedSteps: averagedSteps, slots: NamedTensors(entries))
    }

    /// Continues from a state, or leaves everything as it is.
    func restore(_ state: OptimizerState, shapes: [(name: String, shape: [Int])]) throws {
        try state.check(shapes: shapes)
        var packed: [OptimizerSlot: [Float]] = [:]
        for slot in OptimizerSlot.allCases {
            packed[slot] = try state.tensors(of: slot, shapes: shapes).map(layout.packed)
        }
        for (slot, values) in packed {
            try clear(slot)
            if let memory = memory[slot] { try queue.copy(values, to: memory.address) }
        }
        ruleSlots = Set(packed.keys).subtracting([.average])
        steps = state.steps
        averagedSteps = state.averagedSteps
    }
}
