import CUnrollKernels
import UnrollBase
import UnrollKernels
import UnrollModel
import UnrollText

/// The fast engine: C kernels chosen for the processor at run time, on several threads, in float32 or with matrix
/// products of bfloat16 or, for models that are trained, of int8.
///
/// Results do not depend on the number of threads: every number is computed by one thread, in one order.
public final class CPUEngine: Engine {
    /// The model's configuration.
    public let configuration: ModelConfiguration
    /// Tokens that the model knows, `V`.
    public let vocabularySize: Int
    /// The number format of matrix-multiplication operands.
    public let precision: Precision
    /// The kernels in use.
    public let kernelLevel: KernelLevel

    let shape: ModelShape
    let kernels: UnsafePointer<UnrollKernels>
    let words: WordFormat
    let pool: WorkerPool
    let program: CellProgram
    let weights: PackedParameters
    let derived: DerivedWeights
    /// The recurrent weights of a step that drops some; made for the first such step.
    var droppedWeights: DroppedWeights?
    let scratch: AlignedBuffer
    /// The program's slot table of each layer and thread, `[L][threads][slots]`, for the current minibatch.
    let slotTables: UnsafeMutablePointer<UnrollPanels>
    let forwardInstructions: UnsafeMutablePointer<UnrollInstruction>
    let backwardInstructions: UnsafeMutablePointer<UnrollInstruction>
    let gateSlots: UnsafeMutablePointer<Int32>
    let gateFunctions: UnsafeMutablePointer<Int32>
    let gateInputSlots: UnsafeMutablePointer<Int32>
    let gateInputPanels: UnsafeMutablePointer<Int32>
    /// Present from the first backward pass on.
    var gradients: PackedParameters?
    let slots: OptimizerSlots
    /// The gradients of the parts of a batch, for models that are trained in parts.
    var partGradients: [PackedParameters] = []
    /// The memories of the gradients of shards.
    var shardGradients: [PackedParameters] = []
    /// What has been received of the gradients of other processes.
    var receivedNumbers: AlignedBuffer?
    /// The sum of squares of each block of gradients.
    let blockNorms: UnsafeMutablePointer<Double>
    var activations: Activations?
    /// The tokens of the current minibatch, if the model has an embedding.
    var distinctTokens: DistinctTokens?
    /// The states that the next minibatch continues from, `[L][states][P][B][32]`.
    var carried: AlignedBuffer? {
        didSet { tokenStep = nil }
    }
    /// Rows of the carried states; 0 stands for zeros of any batch size.
    var carriedBatchSize = 0
    /// Whether the activations are those of a minibatch that was evaluated.
    var hasPredictions = false
    /// Steps that the training loop asks for at once; only a test has a reason to change it.
    package(set) public var preferredRunLength = 1

    /// Creates an engine that starts from these parameters.
    ///
    /// - Parameters:
    ///   - configuration: The model's configuration.
    ///   - parameters: The parameters under PyTorch's names; the vocabulary size follows from their shapes.
    ///   - precision: The number format of matrix-multiplication operands; bfloat16 is faster where the processor has
    ///     instructions for it. An engine in int8 rounds the weights and cannot train. Default: float32.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    ///   - kernelLevel: The kernels to use. Default: what `UNROLL_KERNELS` names, otherwise the fastest.
    /// - Throws: `ModelError` when the cell or the parameters do not fit the configuration, or weights that int8 has no
    ///   place for are not finite; `KernelError` when kernels, memory or threads are unavailable on this machine.
    public convenience init(
        configuration: ModelConfiguration, parameters: ModelParameters, precision: Precision = .float32,
        threads: Int? = nil, kernelLevel: KernelLevel? = nil
    ) throws {
        try self.init(
            configuration: configuration,
            vocabularySize: try parameters.checkedVocabularySize(for: configuration), precision: precision,
            kernelLevel: try kernelLevel ?? KernelLevel.preferred(for: precision), threads: threads,
            sharing: nil)
        weights.pack(precision == .int8 ? try parameters.roundedToInt8() : parameters)
        derived.refresh(kernels: kernels, thread: 0, threadCount: 1)
    }

    /// Creates an engine that reads the parameters of this one and has a state of its own.
    ///
    /// Both may compute at once as long as neither of them trains.
    ///
    /// - Throws: `KernelError` when memory or threads are unavailable.
    public func sharingParameters(threads: Int?) throws -> CPUEngine {
        try CPUEngine(
            configuration: configuration, vocabularySize: vocabularySize, precision: precision,
            kernelLevel: kernelLevel, threads: threads, sharing: self)
    }

    private init(
        configuration: ModelConfiguration, vocabularySize: Int, precision: Precision,
        kernelLevel: KernelLevel, threads: Int?, sharing other: CPUEngine?
    ) throws {
        let graph = try configuration.cellGraph()
        self.configuration = configuration
        self.vocabularySize = vocabularySize
        self.precision = precision
        self.kernelLevel = kernelLevel
        let shape = ModelShape(configuration, vocabularySize: vocabularySize, graph: graph)
        self.shape = shape
        let program = CellProgram(graph)
        guard program.slots.count <= Int(UNROLL_MAX_SLOTS) else {
            throw ModelError.invalidCell(
                configuration.cell.name, "its formula needs \(program.slots.count) values at once")
        }
        self.program = program
        kernels = try kernelLevel.kernels(for: precision)
        words = WordFormat(kernels.pointee)
        pool = try WorkerPool(threadCount: threads ?? WorkerPool.processorCount)
        if let other {
            (weights, derived) = (other.weights, other.derived)
        } else {
            weights = try PackedParameters(shape: shape)
            derived = try DerivedWeights(of: weights, words: words)
        }
        slots = OptimizerSlots(shape: shape)
        scratch = try AlignedBuffer(count: pool.threadCount * program.scratchCount * Activations.tileSize)
        slotTables = .allocate(capacity: max(1, shape.layerCount * pool.threadCount * program.slots.count))
        forwardInstructions = .allocate(copying: program.forward)
        backwardInstructions = .allocate(copying: program.backward)
        gateSlots = .allocate(copying: program.gateSlots)
        gateFunctions = .allocate(copying: program.gateFunctions)
        gateInputSlots = .allocate(copying: program.gateInputSlots)
        gateInputPanels = .allocate(
            copying: (0..<shape.gateCount).map { Int32(shape.inputPanel(ofGate: $0)) })
        blockNorms = .allocate(capacity: weights.blocks.count)
    }

    deinit {
        slotTables.deallocate()
        forwardInstructions.deallocate()
        backwardInstructions.deallocate()
        gateSlots.deallocate()
        gateFunctions.deallocate()
        gateInputSlots.deallocate()
        gateInputPanels.deallocate()
        blockNorms.deallocate()
    }

    /// Kernels, precision and threads.
    public var description: EngineDescription {
        EngineDescription(
            name: "cpu", precision: precision, threads: pool.threadCount, kernelLevel: kernelLevel)
    }

    /// A copy of the parameters.
    public var parameters: ModelParameters {
        weights.unpacked(as: configuration.parameterShapes(vocabularySize: vocabularySize))
    }

    /// One step of training.
    public func train(
        on minibatch: Minibatch, with optimizer: Optimizer, randomness: StepRandomness?
    ) throws -> StepResult {
        try optimizer.check()
        try checkTraining()
        let masks = try masks(randomness)
        self.optimizer = optimizer
        try prepare(for: minibatch, masks)
        let gradients = try preparedGradients(for: minibatch, masks)
        try slots.prepare(for: optimizer)
        run(trainTask, over: minibatch, masks, gradients: gradients)
        if result.isFinite {
            slots.count(optimizer)
            carriedBatchSize = minibatch.batchSize
        }
        return result
    }

    /// The loss and its gradient with respect to every parameter.
    public func gradients(
        on minibatch: Minibatch, randomness: StepRandomness?
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        try checkTraining()
        let masks = try masks(randomness)
        try prepare(for: minibatch, masks)
        let gradients = try preparedGradients(for: minibatch, masks)
        run(gradientsTask, over: minibatch, masks, gradients: gradients)
        return (
            result.meanLoss,
            gradients.unpacked(as: configuration.parameterShapes(vocabularySize: vocabularySize))
        )
    }

    /// The summed loss over the minibatch, in nats.
    public func evaluate(_ minibatch: Minibatch) throws -> Double {
        try prepare(for: minibatch, nil)
        run(evaluateTask, over: minibatch, nil, gradients: nil)
        carriedBatchSize = minibatch.batchSize
        hasPredictions = true
        return result.meanLoss * Double(minibatch.tokenCount)
    }

    /// Reads one token and writes the logits of the next, `[V]`.
    public func advance(_ token: Int32, logits: inout [Float]) throws {
        next.inputs[0] = token
        try prepare(for: next, nil)
        if logits.count != vocabularySize { logits = [Float](repeating: 0, count: vocabularySize) }
        if tokenStep == nil { run(over: next, nil, gradients: nil) { tokenStep = TokenStep($0) } }
        logits.withUnsafeMutableBufferPointer {
            tokenStep?.run(
                token: token, continuesState: carriedBatchSize > 0, weights: weights, pool: pool, logits: $0)
        }
        carriedBatchSize = 1
    }

    /// Reads one token of each of `B` texts and writes the logits of the next ones, `[B, V]`.
    public func advance(_ tokens: [Int32], logits: inout [Float]) throws {
        next.reshape(sequenceLength: 1, batchSize: tokens.count, continuesState: true)
        defer { next.reshape(sequenceLength: 1, batchSize: 1, continuesState: true) }
        next.inputs = tokens
        try prepare(for: next, nil)
        let count = tokens.count * vocabularySize
        if logits.count != count { logits = [Float](repeating: 0, count: count) }
        logits.withUnsafeMutableBufferPointer {
            self.logits = $0.baseAddress
            run(advanceTask, over: next, nil, gradients: nil)
            self.logits = nil
        }
        carriedBatchSize = tokens.count
    }

    // MARK: Tasks

    // What the threads do, made once so that a step allocates nothing. Arguments and results are the properties below.

    private lazy var trainTask = task { engine, pass, thread in
        engine.computeGradients(pass, thread)
        if engine.update(with: pass.gradients, meanLoss: pass.meanLoss(), thread) { pass.carryStates(thread) }
    }

    private lazy var gradientsTask = task { engine, pass, thread in
        engine.computeGradients(pass, thread)
        if thread == 0 { engine.result = StepResult(meanLoss: pass.meanLoss(), gradientNorm: .nan) }
    }

    /// A shard's gradient; the states go on, as whether the step counts is known when there are all shards.
    lazy var shardTask = task { engine, pass, thread in
        engine.computeGradients(pass, thread)
        pass.carryStates(thread)
        if thread == 0 { engine.result = StepResult(meanLoss: pass.totalLoss(), gradientNorm: .nan) }
    }

    /// The blocks of parameters that are a thread's share.
    func blocks(of thread: Int) -> StrideTo<Int> {
        stride(from: thread, to: weights.blocks.count, by: pool.threadCount)
    }

    /// Updates the parameters and returns whether that was done: the same numbers, and so the same decision, on every
    /// thread.
    func update(with gradients: PackedParameters?, meanLoss: Double, _ thread: Int) -> Bool {
        guard let gradients else { return false }
        let update = ParameterUpdate(engine: self, gradients: gradients)
        update.sumSquares(thread)
        let result = StepResult(meanLoss: meanLoss, gradientNorm: update.norm())
        if result.isFinite {
            update.apply(slots.step(optimizer, gradientNorm: result.gradientNorm), thread)
        }
        if thread == 0 { self.result = result }
        return result.isFinite
    }

    private func computeGradients(_ pass: Pass, _ thread: Int) {
        if pass.usesParts {
            pass.runParts(thread, gradients: partGradients)
        } else {
            pass.forward(thread)
            pass.crossEntropy(thread)
            pass.backward(thread)
            pass.weightGradients(thread)
            pass.embeddingGradient(thread)
        }
    }

    private lazy var evaluateTask = task { engine, pass, thread in
        pass.forward(thread)
        pass.crossEntropy(thread)
        pass.carryStates(thread)
        if thread == 0 { engine.result = StepResult(meanLoss: pass.meanLoss(), gradientNorm: .nan) }
    }

    private lazy var advanceTask = task { engine, pass, thread in
        pass.forward(thread)
        if let logits = engine.logits { pass.writeLogits(to: logits, thread) }
        pass.carryStates(thread)
    }

    /// Where `advance` writes.
    private var logits: UnsafeMutablePointer<Float>?
    /// The optimizer of the last step.
    var optimizer = Optimizer()
    var result = StepResult(meanLoss: .nan, gradientNorm: .nan)
    private var pass: Pass?
    /// What `advance` runs, for the current memory.
    var tokenStep: TokenStep?

    private func task(_ body: @escaping (CPUEngine, Pass, _ thread: Int) -> Void) -> PoolTask {
        PoolTask { [unowned self] thread in
            guard let pass else { return }
            body(self, pass, thread)
        }
    }

    func run(
        _ task: PoolTask, over minibatch: Minibatch, _ masks: StepMasks?, gradients: PackedParameters?
    ) {
        run(over: minibatch, masks, gradients: gradients) { pass in
            self.pass = pass
            pool.run(task)
            self.pass = nil
        }
    }

    private func run(
        over minibatch: Minibatch, _ masks: StepMasks?, gradients: PackedParameters?, _ body: (Pass) -> Void
    ) {
        guard let activations, let carried else { return }
        minibatch.inputs.withUnsafeBufferPointer { inputs in
            minibatch.targets.withUnsafeBufferPointer { targets in
                distinctTokens?.collect(inputs)
                guard let inputs = inputs.baseAddress, let targets = targets.baseAddress else { return }
                body(
                    Pass(
                        engine: self, activations: activations, carried: carried.base,
                        gradients: gradients, masks: masks, inputs: inputs, targets: targets,
                        continuesState: minibatch.continuesState && carriedBatchSize > 0,
                        wholeTokenCount: minibatch.wholeTokenCount, firstRow: minibatch.firstRow))
            }
        }
    }

    /// The minibatch of one token that `advance` runs.
    private var next: Minibatch = {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 1, batchSize: 1, continuesState: true)
        return minibatch
    }()
}

extension UnsafeMutablePointer {
    /// Memory that holds these elements, and room for one at least.
    static func allocate(copying elements: [Pointee]) -> UnsafeMutablePointer {
        let pointer = allocate(capacity: Swift.max(1, elements.count))
        pointer.initialize(from: elements, count: elements.count)
        return pointer
    }
}
