/// The compiled kernels of step products.
struct ProductKernels: Sendable {
    let layout: ProductLayout
    private let round, forward, backward: Kernel
    // Kernels live as long as their module.
    private let module: any KernelModule

    /// Compiles the kernels for a layout.
    init(
        _ layout: ProductLayout, cell: CellSource, named name: String, on device: any Device
    ) throws(CUDAError) {
        self.layout = layout
        module = try device.load(.products(of: cell, named: name, layout))
        round = try module.kernel("round_factors")
        forward = try module.kernel("product_forward")
        backward = try module.kernel("product_backward")
    }

    /// Where rounded factors are.
    struct Factors {
        /// The layer's weights, [G H, H], from the forward to the backward pass.
        let weights: DeviceAddress
        /// States before a step and after it, each [B, H].
        let states: DeviceAddress
        /// Gradients of gates of a step and of the one after it, each [B, G H].
        let gradients: DeviceAddress
    }

    /// Enqueues all steps of a layer.
    ///
    /// - Parameters:
    ///   - queue: The queue.
    ///   - shape: Of the step of training, evaluation or generation.
    ///   - weights: Of the layer, [G H, H].
    ///   - states: The first state before the first step, [B, H].
    ///   - arguments: Those of the layer, from the biases on.
    ///   - factors: Memory for factors.
    ///   - startsEarly: Whether kernels are launched while those before them run.
    /// - Throws: `CUDAError`.
    func runForward(
        on queue: any DeviceQueue, _ shape: StepShape, weights: DeviceAddress, states: DeviceAddress,
        _ arguments: [KernelArgument], factors: Factors, startsEarly: Bool
    ) throws(CUDAError) {
        let (B, H, pitch) = (shape.B, layout.layer.hiddenSize, layout.hiddenPitch)
        let size = layout.stateBytes(rows: B)
        // Kernels write no more than there are units.
        if pitch > H { try queue.fillWithZeros(factors.states + size, byteCount: size) }
        for (numbers, rows, place) in [
            (weights, layout.layer.gates * H, factors.weights), (states, B, factors.states),
        ] {
            try queue.launch(
                round,
                Launch(
                    grid: ((rows * pitch / 2 + 255) / 256, 1, 1), threads: 256,
                    arguments: [
                        .int(rows), .int(H), .int(pitch), .address(numbers), .address(place),
                    ], startsEarly: startsEarly))
        }
        for t in 0..<shape.T {
            let own: [KernelArgument] = [
                .int(t), .address(factors.weights), .address(factors.states + t % 2 * size),
                .address(factors.states + (t + 1) % 2 * size), .int(B),
            ]
            try queue.launch(
                forward,
                launch(
                    layout.forward, units: layout.units, rows: B, own + arguments, startsEarly: startsEarly))
        }
    }

    /// Enqueues all steps back; as `runForward`, after it, with room for the gradients of states in between.
    func runBackward(
        on queue: any DeviceQueue, _ shape: StepShape, _ arguments: [KernelArgument],
        stateGradients: DeviceAddress, factors: Factors, startsEarly: Bool
    ) throws(CUDAError) {
        let B = shape.B, size = layout.gradientBytes(rows: B)
        if layout.gatePitch > layout.layer.gates * layout.layer.hiddenSize {
            try queue.fillWithZeros(factors.gradients, byteCount: 2 * size)
        }
        for t in (0..<shape.T).reversed() {
            let own: [KernelArgument] = [
                .int(t), .address(factors.weights),
                t + 1 < shape.T ? .address(factors.gradients + (t + 1) % 2 * size) : .null,
                .address(factors.gradients + t % 2 * size), .address(stateGradients), .int(B),
            ]
            try queue.launch(
                backward,
                launch(
                    layout.backward, units: ProductLayout.backwardUnits, rows: B, own + arguments,
                    startsEarly: startsEarly))
        }
    }

    private func launch(
        _ tile: ProductLayout.Tile, units: Int, rows: Int, _ arguments: [KernelArgument], startsEarly: Bool
    ) -> Launch {
        Launch(
            grid: ((layout.layer.hiddenSize + units - 1) / units, (rows + tile.rows - 1) / tile.rows, 1),
            threads: ProductLayout.threads, arguments: arguments, sharedMemory: tile.sharedMemory,
            startsEarly: startsEarly)
    }
}
