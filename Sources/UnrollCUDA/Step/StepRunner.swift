import UnrollEngine
import UnrollModel

/// Runs steps on a device: it lays out memory for each shape of step, collects its kernels in a graph, and waits for
/// several steps at once.
final class StepRunner {
    let dimensions: Dimensions
    let queue: any DeviceQueue
    let optimizerMemory: OptimizerMemory
    /// The states that the next minibatch continues from, [L, states, B, H].
    private(set) var carried: DeviceMemory
    /// Rows of the carried states; 0 stands for zeros of any batch size.
    var carriedBatchSize = 0

    private let configuration: ModelConfiguration
    private let layout: ParameterLayout
    private let kernels: KernelSet
    private let parameters: DeviceMemory
    private let device: any Device
    private var gradientMemory: DeviceMemory?
    /// Gradients of shards, which have room for other numbers behind them.
    private(set) var shardGradients: [DeviceMemory] = []
    /// What steps compute in.
    private var stepMemory: DeviceMemory?
    /// The steps that have been prepared; they hold addresses, so they go when memory does.
    private var prepared: [StepShape: PreparedStep] = [:]
    private var records: StepRecordWriter

    /// The kernels of a step with their arguments.
    ///
    /// They are collected in a graph when they are needed a second time, as minibatches of many lengths may be scored once.
    private struct PreparedStep {
        let program: StepProgram
        var hasRun = false
        /// Graphs of so many steps.
        var graphs: [Int: any DeviceGraph] = [:]
    }

    /// Steps of a graph, where so many are left: the device goes from one to the next without the host.
    private static let stepsOfGraph = 8

    /// Steps through time, of all layers and steps, that become a graph, which takes memory for each of them.
    private static let longestGraph = 8192
    /// Shapes of steps that are kept; training needs two or three.
    private static let mostPreparedSteps = 64

    /// A runner with a queue and a state of its own.
    init(
        configuration: ModelConfiguration, dimensions: Dimensions, layout: ParameterLayout,
        kernels: KernelSet, parameters: DeviceMemory, device: any Device
    ) throws(CUDAError) {
        self.configuration = configuration
        self.dimensions = dimensions
        self.layout = layout
        self.kernels = kernels
        self.parameters = parameters
        self.device = device
        queue = try device.makeQueue()
        carried = try DeviceMemory(byteCount: 4 * dimensions.carriedCount(batchSize: 1), on: device)
        optimizerMemory = OptimizerMemory(layout: layout, device: device, queue: queue)
        records = StepRecordWriter(configuration: configuration, vocabularySize: dimensions.V)
    }

    /// Bytes that this runner has reserved, without gradients of shards, which it keeps whatever the steps.
    var byteCount: Int {
        carried.byteCount + (gradientMemory?.byteCount ?? 0) + (stepMemory?.byteCount ?? 0)
            + optimizerMemory.byteCount
    }

    /// The gradients of the last step without shards that has some, as `ParameterLayout` lays them out.
    var gradients: DeviceAddress? { gradientMemory?.address }

    /// Where a step leaves or finds its gradient.
    private func gradients(of purpose: StepPurpose) -> DeviceAddress? {
        switch purpose {
        case .shard(let index), .update(let index, _): shardGradients[index].address
        case .training, .gradients: gradients
        case .evaluation, .generation: nil
        }
    }

    /// Makes memory for a number of shards' gradients and other numbers behind each of them, in place of what there was.
    func makeShardGradients(_ count: Int, extra: Int) throws(CUDAError) {
        prepared = [:]
        shardGradients = []
        for _ in 0..<count {
            shardGradients.append(try zeros(count: layout.count + extra))
        }
    }

    /// Memory for gradients: what no kernel writes, between tensors and of a bias that stays zero, is zero.
    private func zeros(count: Int) throws(CUDAError) -> DeviceMemory {
        let memory = try DeviceMemory(byteCount: 4 * count, on: device)
        try queue.fillWithZeros(memory.address, byteCount: memory.byteCount)
        return memory
    }

    /// Where the last step of a shape has left what it computed.
    func memory(of shape: StepShape) -> (base: DeviceAddress, places: StepMemory)? {
        guard let stepMemory, let step = prepared[shape] else { return nil }
        return (stepMemory.address, step.program.memory)
    }

    /// Enqueues steps of one shape, waits for them, and returns what they found: one result or more.
    func run(_ shape: StepShape, _ steps: [(StepNumbers, TrainingStep)]) throws -> [StepResult] {
        try prepare(shape)
        guard let (base, memory) = memory(of: shape) else { return [] }
        records.begin(memory.record)
        for (numbers, step) in steps {
            records.add(
                numbers, step.minibatch, step.randomness.map { StepMasks($0, of: configuration) })
        }
        try queue.copy(records.words, to: base + memory.run)
        var enqueued = 0
        while enqueued < steps.count { enqueued += try enqueue(shape, atMost: steps.count - enqueued) }
        guard shape.purpose != .generation else {
            return [StepResult(meanLoss: .nan, gradientNorm: .nan)]
        }
        // Two numbers of each step, and after the room for all of them `Run`.
        let room = 2 * memory.runLength
        var found = [Double](repeating: .nan, count: room + 1)
        try queue.copy(base + memory.results, to: &found)
        let run = found[room].bitPattern
        let (index, hasStopped) = (Int(UInt32(truncatingIfNeeded: run)), Int(run >> 32))
        // The step at which a run stopped has a result as well.
        return (0..<max(1, min(index + hasStopped, steps.count))).map {
            StepResult(meanLoss: found[2 * $0], gradientNorm: found[2 * $0 + 1])
        }
    }

    /// Enqueues the kernels of a step, one by one or as a graph, or those of several as one graph.
    ///
    /// - Returns: How many steps they are.
    private func enqueue(_ shape: StepShape, atMost count: Int) throws -> Int {
        guard var step = prepared[shape] else { return count }
        defer { prepared[shape] = step }
        let longest = Self.longestGraph / (shape.T * dimensions.L)
        let steps = min(count, longest) < Self.stepsOfGraph ? 1 : Self.stepsOfGraph
        if step.hasRun, steps <= longest {
            if step.graphs[steps] == nil {
                // Without a graph, a step does the same, only later.
                step.graphs[steps] = try? queue.capture { for _ in 0..<steps { try step.program.run() } }
            }
            if let graph = step.graphs[steps] {
                try queue.launch(graph)
                return steps
            }
        }
        try step.program.run()
        step.hasRun = true
        return 1
    }

    /// Lays out memory for steps of a shape, or finds that done.
    private func prepare(_ shape: StepShape) throws(CUDAError) {
        guard prepared[shape] == nil else { return }
        let memory = try StepMemory(
            shape, dimensions, parameterCount: layout.count, kernels: kernels)
        try reserve(memory, for: shape)
        guard let base = stepMemory?.address else { return }
        if prepared.count >= Self.mostPreparedSteps { prepared = [:] }
        prepared[shape] = PreparedStep(
            program: StepProgram(
                shape: shape, dimensions: dimensions, kernels: kernels, queue: queue, layout: layout,
                memory: memory, base: base, parameters: parameters.address,
                gradients: gradients(of: shape.purpose),
                carried: carried.address, slots: optimizerMemory.addresses(of: shape.purpose)))
    }

    /// Makes room for steps of a shape; everything that has enough already stays where it is.
    private func reserve(_ memory: StepMemory, for shape: StepShape) throws(CUDAError) {
        if stepMemory.map({ $0.byteCount < memory.byteCount }) ?? true {
            prepared = [:]
            stepMemory = nil
            try device.requireMemory(memory.byteCount)
            stepMemory = try DeviceMemory(byteCount: memory.byteCount, on: device)
        }
        try reserveCarried(batchSize: shape.B)
        switch shape.purpose {
        case .training, .gradients:
            if gradientMemory == nil { gradientMemory = try zeros(count: layout.count) }
        case .shard, .update, .evaluation, .generation: break
        }
    }

    /// Makes room for the carried states of so many rows; what is carried stays.
    private func reserveCarried(batchSize: Int) throws(CUDAError) {
        let byteCount = 4 * dimensions.carriedCount(batchSize: batchSize)
        guard carried.byteCount < byteCount else { return }
        let larger = try DeviceMemory(byteCount: byteCount, on: device)
        if carriedBatchSize > 0 {
            let count = dimensions.carriedCount(batchSize: carriedBatchSize)
            try queue.copy(try queue.floats(at: carried.address, count: count), to: larger.address)
        }
        prepared = [:]
        carried = larger
    }

    /// Carries these states, [L, states, B, H], to the next minibatch.
    func carry(_ values: [Float], batchSize: Int) throws(CUDAError) {
        try reserveCarried(batchSize: batchSize)
        try queue.copy(values, to: carried.address)
        carriedBatchSize = batchSize
    }
}

extension Device {
    /// Checks that so many bytes are free.
    ///
    /// - Throws: `CUDAError.outOfMemory`.
    func requireMemory(_ byteCount: Int) throws(CUDAError) {
        let available = try availableMemory()
        guard byteCount <= available else {
            throw .outOfMemory(needed: byteCount, available: available, device: properties.name)
        }
    }
}
