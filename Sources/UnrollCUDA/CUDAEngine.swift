import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The engine for NVIDIA GPUs.
///
/// Everything that a step computes stays on the device: parameters, states, what the optimizer keeps. A step is a list of
/// kernels (`StepProgram`) that is collected in a graph once for each shape of minibatch. Several steps are enqueued one
/// after the other and waited for once. Every sum is added in one order, so results do not depend on timing.
///
/// Nothing of CUDA is needed to build this. The driver and NVRTC, the compiler of kernels, are looked for when an engine
/// is made; what is missing is a ``CUDAError``.
public final class CUDAEngine: Engine {
    /// The model's configuration.
    public let configuration: ModelConfiguration
    /// Tokens that the model knows, `V`.
    public let vocabularySize: Int
    /// The number format of matrix-multiplication operands.
    ///
    /// In float32 they are multiplied by float32 multiply-adds, in bfloat16 by tensor cores; sums are float32.
    public let precision: Precision

    let device: any Device
    let layout: ParameterLayout
    let kernels: KernelSet
    /// The kernels that were asked for.
    let wantedKernels: RecurrenceKernels
    /// How the recurrence runs.
    package var recurrence: RecurrenceChoice { kernels.recurrence.choice }
    let parameterMemory: DeviceMemory
    /// Everything on the device that is this engine's own, beside shared parameters.
    let runner: StepRunner
    /// What the last evaluation found; nil after any other use.
    var evaluated: Evaluation?
    /// What generates texts, from its first use on: nil before it, and nil in it if there is nothing.
    var sampler: DeviceSampler??
    /// Gradients that other processes have sent; nil before there were any.
    var receivedNumbers: DeviceMemory?
    /// The n-gram model beside the network, once texts are generated with one; engines that share parameters share it.
    let sharedNGrams: SharedNGrams

    var dimensions: Dimensions { runner.dimensions }
    var queue: any DeviceQueue { runner.queue }

    /// Creates an engine that starts from these parameters.
    ///
    /// - Parameters:
    ///   - configuration: The model's configuration.
    ///   - parameters: The parameters under PyTorch's names; the vocabulary size follows from their shapes.
    ///   - precision: The number format of matrix-multiplication operands. Default: float32.
    ///   - device: The number of the GPU, from 0. Default: 0.
    /// - Throws: `ModelError` when the cell or the parameters do not fit the configuration, `CUDAError` for what the
    ///   machine lacks.
    public convenience init(
        configuration: ModelConfiguration, parameters: ModelParameters, precision: Precision = .float32,
        device: Int = 0
    ) throws {
        try self.init(
            configuration: configuration, parameters: parameters, precision: precision,
            on: try DriverDevice.open(index: device))
    }

    /// Creates an engine on a device that is open.
    ///
    /// - Parameters:
    ///   - configuration: The model's configuration.
    ///   - parameters: The parameters.
    ///   - precision: The number format of matrix-multiplication operands.
    ///   - recurrence: What runs recurrent layers. Default: what `UNROLL_CUDA_KERNELS` names, otherwise `steps`.
    ///   - blocks: Blocks of a team of persistent kernels. Default: what is expected to be the fastest.
    ///   - device: The device.
    /// - Throws: `CUDAError`, and `ModelError` for parameters or a cell that do not fit.
    package init(
        configuration: ModelConfiguration, parameters: ModelParameters, precision: Precision = .float32,
        recurrence: RecurrenceKernels? = nil, blocks: Int? = nil, on device: any Device
    ) throws {
        vocabularySize = try parameters.checkedVocabularySize(for: configuration)
        let graph = try configuration.cellGraph()
        guard graph.gateCount <= 128, graph.stateCount <= 64 else {
            throw ModelError.invalidCell(
                configuration.cell.name,
                "it has \(graph.gateCount) gates and \(graph.stateCount) states; a GPU runs up to 128 and 64")
        }
        try Self.check(precision, on: device.properties)
        let cell = CellSource(graph)
        self.configuration = configuration
        self.precision = precision
        self.device = device
        layout = ParameterLayout(configuration, vocabularySize: vocabularySize)
        try CUDAError.requireCountable(Double(layout.count))
        wantedKernels = try recurrence ?? RecurrenceKernels.named()
        let usesFactors =
            precision == .bfloat16 && wantedKernels != .steps && FactorProducts.canRun(on: device.properties)
        let factorProducts =
            usesFactors ? try FactorProducts(always: wantedKernels == .products, on: device) : nil
        let recurrence = try RecurrenceSet(
            wantedKernels, for: RecurrentLayer(configuration, precision), factorProducts: factorProducts,
            blocks: blocks, cell: cell, named: configuration.cell.name, on: device)
        kernels = try KernelSet(
            cell: cell, named: configuration.cell.name, precision: precision, recurrence: recurrence,
            factorProducts: factorProducts,
            startEarly: wantedKernels != .steps && device.properties.hasClusters, on: device)
        parameterMemory = try DeviceMemory(byteCount: 4 * layout.count, on: device)
        sharedNGrams = SharedNGrams()
        runner = try StepRunner(
            configuration: configuration,
            dimensions: Dimensions(
                configuration, vocabularySize: vocabularySize, graph: graph, cell: cell),
            layout: layout, kernels: kernels, parameters: parameterMemory, device: device)
        try queue.copy(layout.packed(parameters), to: parameterMemory.address)
        try queue.synchronize()
    }

    private init(sharing other: CUDAEngine) throws {
        configuration = other.configuration
        vocabularySize = other.vocabularySize
        precision = other.precision
        device = other.device
        layout = other.layout
        kernels = other.kernels
        wantedKernels = other.wantedKernels
        parameterMemory = other.parameterMemory
        sharedNGrams = other.sharedNGrams
        runner = try StepRunner(
            configuration: configuration, dimensions: other.dimensions, layout: layout, kernels: kernels,
            parameters: parameterMemory, device: device)
    }

    /// Creates an engine with the parameters of this one, on the same device, and a state of its own.
    ///
    /// - Throws: `CUDAError`.
    public func sharingParameters(threads: Int?) throws -> CUDAEngine {
        try CUDAEngine(sharing: self)
    }

    static func check(_ precision: Precision, on device: DeviceProperties) throws(CUDAError) {
        guard precision != .int8 else { throw .precisionMissing("\(precision)") }
        let needed = ComputeCapability(8, 0)
        guard precision == .float32 || device.capability >= needed else {
            throw .unsupportedPrecision(
                "\(precision)", name: device.name, capability: "\(device.capability)", needed: "\(needed)")
        }
    }

    /// The GPU's name, the precision, and what runs the recurrence unless it is step kernels as usual.
    public var description: EngineDescription {
        EngineDescription(
            name: "cuda", precision: precision, device: device.properties.name,
            kernels: recurrence.description)
    }

    /// Steps are enqueued together, as waiting for one costs as much as a small one takes.
    public var preferredRunLength: Int { StepMemory.longestRun }

    // MARK: Training

    /// Trains on several minibatches, which are enqueued together as far as they have one shape.
    public func train(_ steps: [TrainingStep]) throws -> [StepResult] {
        var results: [StepResult] = []
        while results.count < steps.count {
            do {
                results += try trainRun(steps[results.count...])
            } catch {
                if results.isEmpty { throw error }
                return results
            }
            if results.last?.isFinite == false { return results }
        }
        return results
    }

    /// One step of training.
    public func train(
        on minibatch: Minibatch, with optimizer: Optimizer, randomness: StepRandomness?
    ) throws -> StepResult {
        let step = TrainingStep(minibatch: minibatch, optimizer: optimizer, randomness: randomness)
        return try trainRun([step])[0]
    }

    /// Trains on the first step, and on those after it as long as they have its shape: at least one result.
    private func trainRun(_ steps: ArraySlice<TrainingStep>) throws -> [StepResult] {
        guard let first = steps.first else { return [] }
        let shape = try checkedShape(of: first)
        try checkState(for: first.minibatch)
        let run = steps.prefix(StepMemory.longestRun).prefix { (try? checkedShape(of: $0)) == shape }
        try runner.optimizerMemory.prepare(for: first.optimizer)
        var records: [(StepNumbers, TrainingStep)] = []
        for (index, step) in run.enumerated() {
            var numbers = StepNumbers()
            let continues = step.minibatch.continuesState && (index > 0 || runner.carriedBatchSize > 0)
            numbers.continuesState = continues ? 1 : 0
            numbers.setUpdate(
                step.optimizer, steps: runner.optimizerMemory.steps + index,
                averagedSteps: runner.optimizerMemory.averagedSteps + index)
            records.append((numbers, step))
        }
        let results = try self.run(shape, records)
        let finite = results.prefix { $0.isFinite }.count
        runner.optimizerMemory.count(first.optimizer, steps: finite)
        if finite > 0 { runner.carriedBatchSize = shape.B }
        return results
    }

    private func checkedShape(of step: TrainingStep) throws -> StepShape {
        try step.optimizer.check()
        return try checkedShape(
            of: step.minibatch, for: .training(slots: step.optimizer.updatedSlots), step.randomness)
    }

    private func checkedShape(
        of minibatch: Minibatch, for purpose: StepPurpose, _ randomness: StepRandomness? = nil
    ) throws -> StepShape {
        try randomness?.regularization.check(for: configuration)
        try minibatch.check(vocabularySize: vocabularySize)
        let regularization = randomness?.regularization ?? Regularization()
        return StepShape(
            T: minibatch.sequenceLength, B: minibatch.batchSize, purpose: purpose,
            hasDropout: regularization.dropout > 0,
            usesVariationalDropout: regularization.usesVariationalDropout,
            hasWeightDrop: regularization.weightDrop > 0)
    }

    private func checkState(for minibatch: Minibatch) throws(EngineError) {
        if minibatch.continuesState { try checkState(batchSize: minibatch.batchSize) }
    }

    /// Checks that the carried state, if there is one, has so many rows.
    func checkState(batchSize: Int) throws(EngineError) {
        guard runner.carriedBatchSize > 0, runner.carriedBatchSize != batchSize else { return }
        throw EngineError.stateMismatch(
            expected: [dimensions.L, batchSize, dimensions.H],
            actual: [dimensions.L, runner.carriedBatchSize, dimensions.H])
    }

    /// The loss and its gradient with respect to every parameter.
    public func gradients(
        on minibatch: Minibatch, randomness: StepRandomness?
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        let result = try runSingle(minibatch, for: .gradients, randomness)
        guard let gradients = runner.gradients else { return (result.meanLoss, NamedTensors()) }
        let values = try queue.floats(at: gradients, count: layout.count)
        return (result.meanLoss, layout.unpacked(values))
    }

    // MARK: Evaluation and generation

    /// The summed loss over the minibatch, in nats.
    public func evaluate(_ minibatch: Minibatch) throws -> Double {
        let result = try runSingle(minibatch, for: .evaluation)
        runner.carriedBatchSize = minibatch.batchSize
        let shape = StepShape(
            T: minibatch.sequenceLength, B: minibatch.batchSize, purpose: .evaluation)
        evaluated = runner.memory(of: shape).map {
            Evaluation(shape: shape, base: $0.base, memory: $0.places)
        }
        return result.meanLoss * Double(minibatch.tokenCount)
    }

    /// Reads one token and writes the logits of the next, `[V]`.
    public func advance(_ token: Int32, logits: inout [Float]) throws {
        try advance([token], logits: &logits)
    }

    /// Reads one token of each of `B` texts and writes the logits of the next ones, `[B, V]`.
    public func advance(_ tokens: [Int32], logits: inout [Float]) throws {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 1, batchSize: tokens.count, continuesState: true)
        minibatch.inputs = tokens
        _ = try runSingle(minibatch, for: .generation)
        runner.carriedBatchSize = tokens.count
        let count = tokens.count * vocabularySize
        if logits.count != count { logits = [Float](repeating: 0, count: count) }
        let shape = StepShape(T: 1, B: tokens.count, purpose: .generation)
        guard let memory = runner.memory(of: shape) else { return }
        try queue.copy(memory.base + memory.places.logits, to: &logits)
    }

    /// Runs a step that changes no parameters.
    func runSingle(
        _ minibatch: Minibatch, for purpose: StepPurpose, _ randomness: StepRandomness? = nil
    ) throws -> StepResult {
        let shape = try checkedShape(of: minibatch, for: purpose, randomness)
        try checkState(for: minibatch)
        var numbers = StepNumbers()
        numbers.continuesState = minibatch.continuesState && runner.carriedBatchSize > 0 ? 1 : 0
        let step = TrainingStep(minibatch: minibatch, randomness: randomness)
        return try run(shape, [(numbers, step)])[0]
    }

    /// Runs steps of one shape.
    func run(
        _ shape: StepShape, _ steps: [(StepNumbers, TrainingStep)]
    ) throws -> [StepResult] {
        evaluated = nil
        return try runner.run(shape, steps)
    }

    /// Bytes that training takes on the device, and bytes that are free there or this engine's already.
    ///
    /// - Throws: `CUDAError`.
    public func memoryEstimate(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws -> (needed: Double, available: Double) {
        let shape = StepShape(
            T: sequenceLength, B: batchSize, purpose: .training(slots: []),
            hasDropout: regularization.dropout > 0, hasWeightDrop: regularization.weightDrop > 0)
        let memory = try StepMemory(
            shape, dimensions, parameterCount: layout.count, kernels: kernels)
        // Parameters, gradients, and the optimizer's slots.
        let arrays = 2 + optimizer.rule.slots.count + (optimizer.averaging == .none ? 0 : 1)
        return (
            Double(memory.byteCount + 4 * layout.count * arrays),
            Double(try device.availableMemory() + runner.byteCount + parameterMemory.byteCount)
        )
    }

    /// Checks that training fits into the device's memory.
    ///
    /// - Throws: `CUDAError.outOfMemory` with the estimate.
    public func checkMemory(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws {
        let (needed, available) = try memoryEstimate(
            sequenceLength: sequenceLength, batchSize: batchSize, optimizer: optimizer,
            regularization: regularization)
        guard needed <= available else {
            throw CUDAError.outOfMemory(
                needed: Int(needed), available: Int(available), device: device.properties.name)
        }
    }
}
