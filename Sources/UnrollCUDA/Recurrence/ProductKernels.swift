/// The compiled kernels of step products.
struct ProductKernels: Sendable {
    let layout: ProductLayout
    /// Rounds a matrix to factors.
    let round: Kernel
    private let forward, backward: Kernel
    // Kernels live as long as their module.
    private let module: any KernelModule

    /// Compiles the kernels for a layout.
    init(
        _ layout: ProductLayout, round: Kernel, cell: CellSource, named name: String, on device: any Device
    ) throws(CUDAError) {
        self.layout = layout
        self.round = round
        module = try device.load(.products(of: cell, named: name, layout))
        forward = try module.kernel("product_forward")
        backward = try module.kernel("product_backward")
    }

    /// Where factors are.
    struct Places {
        /// The layer's weights, [G H, H].
        let weights: DeviceAddress
        /// The first state before each step and after the last, [T + 1, B, H].
        let states: DeviceAddress
        /// The gradients of the hidden halves of gates, [T, B, G H].
        let gradients: DeviceAddress
    }

    /// Enqueues all steps of a layer, whose weights and states before the first step have been rounded.
    ///
    /// - Parameters:
    ///   - queue: The queue.
    ///   - shape: Of the step of training, evaluation or generation.
    ///   - arguments: Those of the layer, from the biases on.
    ///   - factors: Where factors are.
    ///   - startsEarly: Whether kernels are launched while those before them run.
    /// - Throws: `CUDAError`.
    func runForward(
        on queue: any DeviceQueue, _ shape: StepShape, _ arguments: [KernelArgument], factors: Places,
        startsEarly: Bool
    ) throws(CUDAError) {
        let size = layout.stateBytes(rows: shape.B), H = layout.layer.hiddenSize
        // Kernels write no more than there are units.
        if Factors.pitch(H) > H {
            try queue.fillWithZeros(factors.states + size, byteCount: shape.T * size)
        }
        for t in 0..<shape.T {
            let own: [KernelArgument] = [
                .int(t), .address(factors.weights), .address(factors.states + t * size),
                .address(factors.states + (t + 1) * size), .int(shape.B),
            ]
            try queue.launch(
                forward,
                launch(
                    layout.forward, units: layout.units, rows: shape.B, own + arguments,
                    startsEarly: startsEarly))
        }
    }

    /// Enqueues all steps back; as `runForward`, after it, with room for the gradients of states in between.
    func runBackward(
        on queue: any DeviceQueue, _ shape: StepShape, _ arguments: [KernelArgument],
        stateGradients: DeviceAddress, factors: Places, startsEarly: Bool
    ) throws(CUDAError) {
        let size = layout.gradientBytes(rows: shape.B), count = layout.layer.gates * layout.layer.hiddenSize
        if Factors.pitch(count) > count {
            try queue.fillWithZeros(factors.gradients, byteCount: shape.T * size)
        }
        for t in (0..<shape.T).reversed() {
            let own: [KernelArgument] = [
                .int(t), .address(factors.weights),
                t + 1 < shape.T ? .address(factors.gradients + (t + 1) * size) : .null,
                .address(factors.gradients + t * size), .address(stateGradients), .int(shape.B),
            ]
            try queue.launch(
                backward,
                launch(
                    layout.backward, units: ProductLayout.backwardUnits, rows: shape.B, own + arguments,
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
