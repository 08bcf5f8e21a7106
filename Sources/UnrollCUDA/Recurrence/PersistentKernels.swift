/// The compiled kernels that run all steps of a layer in one launch.
struct PersistentKernels: Sendable {
    let layout: PersistentLayout
    private let forward, backward: Kernel
    /// Teams that run at the same time, of either kernel.
    private let activeTeams: Int
    // Kernels live as long as their module.
    private let module: any KernelModule

    /// Compiles the kernels for a layout.
    ///
    /// - Returns: nil if not even one team can run on the device.
    private init?(
        _ layout: PersistentLayout, cell: CellSource, named name: String, on device: any Device
    ) throws(CUDAError) {
        module = try device.load(.persistent(of: cell, named: name, layout))
        forward = try module.kernel("\(layout.exchange)_forward")
        backward = try module.kernel("\(layout.exchange)_backward")
        self.layout = layout
        let launches = [
            (forward, layout.forwardLaunch(teams: 1, [])), (backward, layout.backwardLaunch(teams: 1, [])),
        ]
        var active = Int.max
        for (kernel, launch) in launches {
            switch layout.exchange {
            case .cluster: active = min(active, try device.activeClusters(of: kernel, launch))
            case .grid: active = min(active, try device.activeBlocks(of: kernel, launch) / layout.blocks)
            }
        }
        guard active > 0 else { return nil }
        activeTeams = active
    }

    /// Finds the kernels for a layer: those of the first layout of which a team can run.
    ///
    /// - Parameters:
    ///   - exchanges: The ways to exchange data that are tried, in their order.
    ///   - layer: The layer.
    ///   - blocks: Blocks of a team; nil for any number.
    ///   - cell: The cell's formula.
    ///   - name: The cell's name.
    ///   - device: The device.
    /// - Returns: The kernels; nil if the recurrent weights do not fit on the chip.
    /// - Throws: `CUDAError`.
    static func find(
        _ exchanges: [BlockExchange], for layer: RecurrentLayer, blocks: Int?, cell: CellSource,
        named name: String, on device: any Device
    ) throws(CUDAError) -> PersistentKernels? {
        for exchange in exchanges {
            let layouts = RecurrenceChoice.layouts(
                of: layer, exchange: exchange, on: device.properties, blocks: blocks)
            for layout in layouts {
                if let found = try PersistentKernels(layout, cell: cell, named: name, on: device) {
                    return found
                }
            }
        }
        return nil
    }

    /// Estimates how many clock cycles a step of both kernels takes for so many rows.
    func estimatedCycles(batchSize: Int) -> Double {
        layout.estimatedCycles(batchSize: batchSize, activeTeams: activeTeams)
    }

    /// Bytes of memory for each token that steps need for what blocks exchange.
    func exchangedBytes(for purpose: StepPurpose) -> Int {
        let (forward, backward) = layout.exchangedBytes
        return purpose.hasGradients ? max(forward, backward) : forward
    }

    /// Enqueues the forward kernel.
    ///
    /// - Parameters:
    ///   - queue: The queue.
    ///   - shape: Of the step.
    ///   - arguments: Those of the layer, after the numbers of steps, rows and rows of a team.
    ///   - exchanged: Memory for what blocks exchange.
    /// - Throws: `CUDAError`.
    func runForward(
        on queue: any DeviceQueue, _ shape: StepShape, _ arguments: [KernelArgument], exchanged: DeviceAddress
    ) throws(CUDAError) {
        let byteCount = shape.tokenCount * layout.exchangedBytes.forward
        let more = try cleared(exchanged, byteCount: byteCount, on: queue)
        let (teams, sizes) = division(of: shape)
        try queue.launch(forward, layout.forwardLaunch(teams: teams, sizes + arguments + more))
    }

    /// Enqueues the backward kernel; as `runForward`, with room for the gradients of states in between.
    func runBackward(
        on queue: any DeviceQueue, _ shape: StepShape, _ arguments: [KernelArgument],
        stateGradients: DeviceAddress, exchanged: DeviceAddress
    ) throws(CUDAError) {
        let byteCount = shape.tokenCount * layout.exchangedBytes.backward
        var more = try cleared(exchanged, byteCount: byteCount, on: queue)
        if !more.isEmpty { more.insert(.address(stateGradients), at: 0) }
        let (teams, sizes) = division(of: shape)
        try queue.launch(backward, layout.backwardLaunch(teams: teams, sizes + arguments + more))
    }

    /// How many teams have the rows of a step, and the first arguments of both kernels.
    private func division(of shape: StepShape) -> (teams: Int, sizes: [KernelArgument]) {
        let rows = RecurrenceChoice.rows(
            ofBatch: shape.B, exchange: layout.exchange, activeTeams: activeTeams)
        return ((shape.B + rows - 1) / rows, [.int(shape.T), .int(shape.B), .int(rows)])
    }

    /// Clears memory for what blocks exchange, where they use some, and returns it as an argument.
    private func cleared(
        _ address: DeviceAddress, byteCount: Int, on queue: any DeviceQueue
    ) throws(CUDAError) -> [KernelArgument] {
        guard byteCount > 0 else { return [] }
        try queue.fillWithZeros(address, byteCount: byteCount)
        return [.address(address)]
    }
}

extension PersistentLayout {
    /// A launch of the forward kernel.
    package func forwardLaunch(teams: Int, _ arguments: [KernelArgument]) -> Launch {
        launch(teams: teams, arguments, sharedMemory: forwardSharedMemory)
    }

    /// A launch of the backward kernel.
    package func backwardLaunch(teams: Int, _ arguments: [KernelArgument]) -> Launch {
        launch(teams: teams, arguments, sharedMemory: backwardSharedMemory)
    }

    private func launch(teams: Int, _ arguments: [KernelArgument], sharedMemory: Int) -> Launch {
        Launch(
            grid: (blocks * teams, 1, 1), threads: threads, arguments: arguments,
            sharedMemory: sharedMemory, clusterSize: exchange == .cluster ? blocks : 1,
            isCooperative: exchange == .grid)
    }
}
