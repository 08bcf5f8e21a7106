import UnrollEngine
import UnrollModel

/// The kernels of a step in their order, as they are enqueued or collected in a graph.
///
/// Read `run` first. Shapes and letters are those of `StepMemory` and `Dimensions`.
struct StepProgram {
    let shape: StepShape
    let dimensions: Dimensions
    let kernels: KernelSet
    let queue: any DeviceQueue
    let layout: ParameterLayout
    let memory: StepMemory
    /// Where the step's memory begins.
    let base: DeviceAddress
    let parameters: DeviceAddress
    /// As the parameters; for steps that compute gradients or read them.
    let gradients: DeviceAddress?
    let carried: DeviceAddress
    /// As the parameters.
    let slots: [OptimizerSlot: DeviceAddress]

    /// Enqueues the step.
    func run() throws {
        try beginStep()
        switch shape.purpose {
        case .generation:
            try logits(of: try forward())
            try carryStates(ifFinite: false)
        case .evaluation:
            try crossEntropy(of: try forward(), gradients: false)
            try endStep(squareCount: 0)
            try carryStates(ifFinite: false)
        case .gradients:
            try computeGradients()
            try endStep(squareCount: 0)
        case .shard:
            try computeGradients()
            try endStep(squareCount: 0)
            try carryStates(ifFinite: false)
        case .update:
            try endStep(squareCount: try sumSquares())
            try update()
        case .training:
            try computeGradients()
            try endStep(squareCount: try sumSquares())
            try update()
            try carryStates(ifFinite: true)
        }
    }

    /// Goes forward and back.
    private func computeGradients() throws {
        let output = try forward()
        try crossEntropy(of: output, gradients: true)
        try backward(from: output)
    }

    // MARK: Beginning and end

    private func beginStep() throws {
        let count = max(memory.record.wordCount, carriedKinds * stateSize)
        try launch(
            kernels.beginStep, over: count,
            [
                .address(at(memory.run)), .address(at(memory.steps)), .int(memory.record.wordCount),
                .address(at(memory.step)), .int(carriedKinds), .int(stateSize), .int(stateStride),
                .address(carried), .address(at(memory.states)),
            ])
    }

    private func sumSquares() throws -> Int {
        let blocks = (layout.count + 4095) / 4096
        try launch(
            kernels.sumSquares, grid: (blocks, 1, 1), threads: 256,
            [.int(layout.count), argument(gradients), .address(at(memory.squares))])
        return blocks
    }

    private func endStep(squareCount: Int) throws {
        // An update has one loss, the mean over all shards.
        let losses: (count: Int, place: Int) =
            if case .update = shape.purpose {
                (1, memory.step + 4 * StepNumbers.meanLossWord)
            } else {
                (shape.tokenCount, memory.losses)
            }
        try launch(
            kernels.endStep, grid: (1, 1, 1), threads: 256,
            [
                .address(at(memory.run)), .address(at(memory.step)), .int(losses.count),
                .address(at(losses.place)), .int(squareCount), .address(at(memory.squares)),
                .address(at(memory.results)), .address(at(memory.decision)),
            ])
    }

    private func update() throws {
        try launch(
            kernels.update, over: layout.count,
            [
                .int(layout.count), .address(at(memory.step)), .address(at(memory.decision)),
                argument(gradients), .address(parameters), argument(slots[.momentum]),
                argument(slots[.square]), argument(slots[.average]),
            ])
    }

    private func carryStates(ifFinite: Bool) throws {
        try launch(
            kernels.carryStates, over: carriedKinds * stateSize,
            [
                ifFinite ? .address(at(memory.decision)) : .null, .int(carriedKinds), .int(stateSize),
                .int(stateStride), .address(at(memory.states)), .address(carried),
            ])
    }

    // MARK: Places

    /// The place of something in the step's memory, so many bytes further on.
    func at(_ place: Int) -> DeviceAddress { base + place }

    /// Words of the current step's record from a place on.
    func record(_ word: Int) -> KernelArgument { .address(at(memory.step + 4 * word)) }

    func parameter(_ name: String) -> DeviceAddress { layout.address(of: name, in: parameters) }

    func gradient(_ name: String) -> DeviceAddress {
        layout.address(of: name, in: gradients ?? parameters)
    }

    func argument(_ address: DeviceAddress?) -> KernelArgument { address.map { .address($0) } ?? .null }

    /// Numbers of one state at one step, `B H`.
    var stateSize: Int { shape.B * dimensions.H }
    /// Numbers from one state of a layer to the next.
    var stateStride: Int { (shape.T + 1) * stateSize }
    private var carriedKinds: Int { dimensions.L * dimensions.states }

    /// The decoder's weights, [V, H].
    var decoderWeight: String { dimensions.tiesWeights ? "embedding.weight" : "decoder.weight" }

    /// Numbers from what one learned vector's gradient is summed of to the next one's.
    var vectorGradientStride: Int { shape.tokenCount * dimensions.H }

    // MARK: Launches

    func launch(
        _ kernel: Kernel, grid: (x: Int, y: Int, z: Int), threads: Int, _ arguments: [KernelArgument]
    ) throws(CUDAError) {
        try queue.launch(
            kernel,
            Launch(grid: grid, threads: threads, arguments: arguments, startsEarly: kernels.startEarly))
    }

    /// Launches blocks of 256 threads, one for each number.
    func launch(_ kernel: Kernel, over count: Int, _ arguments: [KernelArgument]) throws(CUDAError) {
        try launch(kernel, grid: ((count + 255) / 256, 1, 1), threads: 256, arguments)
    }
}
