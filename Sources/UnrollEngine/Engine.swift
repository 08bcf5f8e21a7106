import UnrollBase
import UnrollKernels
import UnrollModel
import UnrollText

/// What computes: it owns parameters, optimizer slots and recurrent state in its own layout and runs whole steps.
///
/// Engines are interchangeable and pass one conformance suite. They exchange tensors with the world only as
/// `NamedTensors`. An engine belongs to one task at a time.
///
/// Letters: `T` time steps, `B` batch, `V` vocabulary, `H` hidden units, `L` layers.
///
/// Functions that only say `throws` let errors of other targets pass unchanged: `ParameterError` for a size, an
/// optimizer or a regularization that is out of range, `ModelError` for tensors of another model, and what the engine's
/// own machine lacks, such as `KernelError`.
public protocol Engine: AnyObject {
    // MARK: What it is

    /// The model's configuration.
    var configuration: ModelConfiguration { get }
    /// Tokens that the model knows, `V`.
    var vocabularySize: Int { get }
    /// What computes, and how.
    var description: EngineDescription { get }

    // MARK: What it holds

    /// A copy of the parameters.
    ///
    /// - Throws: As the other properties and functions that read from the engine: what its own machine reports when a
    ///   copy fails.
    var parameters: ModelParameters { get throws }

    /// Creates an engine of the same kind that reads the parameters of this one and has a state of its own.
    ///
    /// Both may compute at once as long as neither of them trains.
    ///
    /// - Parameter threads: Threads that compute; nil for as many as there are processors. Engines without threads
    ///   ignore it.
    /// - Returns: The other engine.
    /// - Throws: What the machine lacks, such as `KernelError`.
    func sharingParameters(threads: Int?) throws -> Self

    /// The recurrent state after the last minibatch or token: each of the cell's states as `[L, B, H]`.
    ///
    /// Empty before the first use and after `resetState()`, which stands for zeros of any batch size.
    var state: NamedTensors<Float> { get throws }

    /// Continues from this state, or from zeros if it is empty.
    ///
    /// - Throws: `ModelError.missingTensor` or `EngineError.stateMismatch` when names or shapes are not those of this
    ///   model.
    func restoreState(_ state: NamedTensors<Float>) throws

    /// Continues from this state.
    ///
    /// - Throws: `EngineError.stateMismatch` when it is of another network.
    func restoreState(_ state: RecurrentState) throws

    /// Writes the state into a value, which may have been used before and is then overwritten without allocating.
    ///
    /// Before the first use, it is one row of zeros.
    func copyState(to state: inout RecurrentState) throws

    /// A copy of what the optimizer keeps beside the parameters.
    var optimizerState: OptimizerState { get throws }

    /// Continues from this state of an optimizer.
    ///
    /// - Throws: `EngineError.invalidOptimizerState` or `ModelError` when its counts, names or shapes are not those of
    ///   this model; everything stays as it was then.
    func restoreOptimizerState(_ state: OptimizerState) throws

    /// Exchanges the parameters and their running average, to evaluate or save the average; nothing without one.
    ///
    /// A second exchange is the way back, and belongs before the next step of training.
    func exchangeParametersWithAverage() throws

    // MARK: Training

    /// How many steps a caller should ask for at once: 1 where a step is run when it is asked for; more where a call
    /// costs much beside a step, as with a GPU.
    var preferredRunLength: Int { get }

    /// Trains on several minibatches, one after the other.
    ///
    /// There are fewer results than steps where the run stopped early:
    ///
    /// - **At a step whose loss or gradient is not finite.** The last result is that step's, with the loss and the norm
    ///   that were found (`StepResult.isFinite` is false). Parameters, optimizer and state are as before that step. Only
    ///   the last result can be non-finite.
    /// - **Before a step that would throw.** All results are finite; the error is thrown when that step is the first of
    ///   a call. So no result is lost, and a call that throws has changed nothing.
    ///
    /// - Parameter steps: The steps in order.
    /// - Returns: A result for each step that was run.
    /// - Throws: As ``train(on:with:randomness:)``, for the first step.
    func train(_ steps: [TrainingStep]) throws -> [StepResult]

    /// Bytes that training on minibatches of `sequenceLength` x `batchSize` takes in all, and bytes that there are for it.
    ///
    /// - Throws: What the engine's own machine reports.
    func memoryEstimate(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws -> (needed: Double, available: Double)

    /// Checks that training on minibatches of `sequenceLength` x `batchSize` fits into the memory that there is.
    ///
    /// - Throws: `EngineError.notEnoughMemory`, or what the engine's own machine lacks.
    func checkMemory(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws

    /// One step of training: forward through time, loss, backward through time, clipping, update.
    ///
    /// The gradient is of the mean loss over the minibatch and reaches back to its first step, not beyond. Parameters
    /// and states stay as they are when the loss or the gradient is not finite.
    ///
    /// - Parameters:
    ///   - minibatch: Inputs and targets, `[T, B]`.
    ///   - optimizer: How the gradient becomes an update.
    ///   - randomness: What is left out at random; nil for nothing.
    /// - Returns: Loss and norm of the gradient before the update.
    /// - Throws: `ParameterError` for an empty minibatch, an optimizer or a regularization that is out of range;
    ///   `EngineError` for a token outside the vocabulary, a state of another batch size, or too little memory.
    func train(
        on minibatch: Minibatch, with optimizer: Optimizer, randomness: StepRandomness?
    ) throws -> StepResult

    /// The loss and its gradient with respect to every parameter; state and parameters stay as they are.
    ///
    /// - Throws: As ``train(on:with:randomness:)``.
    func gradients(
        on minibatch: Minibatch, randomness: StepRandomness?
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>)

    // MARK: Evaluation

    /// The summed loss over the minibatch, in nats; the state continues.
    ///
    /// - Throws: `ParameterError` for an empty minibatch; `EngineError` for a token outside the vocabulary, a state of
    ///   another batch size, or too little memory.
    func evaluate(_ minibatch: Minibatch) throws -> Double

    /// The loss of the target at a step and row of the last minibatch, in nats.
    ///
    /// - Throws: As ``prediction(step:row:)``.
    func loss(step: Int, row: Int) throws -> Double

    /// How well the target at a step and row of the last minibatch was predicted.
    ///
    /// This, the one before and the next two are for after ``evaluate(_:)``, before the engine is used again.
    ///
    /// - Throws: `EngineError.noPrediction` when the last use was another or had no such step and row.
    func prediction(step: Int, row: Int) throws -> TokenPrediction

    /// Copies the probabilities of all tokens at a step and row of the last minibatch, `[V]`.
    ///
    /// - Throws: `EngineError.noPrediction`.
    func copyProbabilities(step: Int, row: Int, to probabilities: inout [Float]) throws

    /// Copies the units of one of the cell's states after a step of the last minibatch, `[H]`.
    ///
    /// - Parameters:
    ///   - state: Which of the cell's states, by its place in `RecurrentCell.states`.
    ///   - layer: The layer, from 0.
    ///   - step: The step.
    ///   - row: The row of the minibatch.
    ///   - units: Is overwritten.
    /// - Throws: `EngineError.noPrediction`.
    func copyUnits(
        ofState state: Int, layer: Int, step: Int, row: Int, to units: inout [Float]
    ) throws

    // MARK: Generation

    /// Reads one token and writes the logits of the next, `[V]`; the state continues.
    ///
    /// - Throws: `EngineError` for a token outside the vocabulary, or a state of more than one row.
    func advance(_ token: Int32, logits: inout [Float]) throws

    /// Reads one token of each of `B` texts and writes the logits of the next ones, `[B, V]`; the state continues.
    ///
    /// - Throws: `ParameterError` when there are no tokens; `EngineError` for a token outside the vocabulary, or when
    ///   there are not as many as rows in the state that is continued.
    func advance(_ tokens: [Int32], logits: inout [Float]) throws

    /// Chooses tokens of `B` texts and reads them, one after the other, where the engine can do so by itself: a GPU, to
    /// which every single token would have to be brought.
    ///
    /// - Parameters:
    ///   - count: Tokens of each text, at least 1.
    ///   - logits: Those of the first tokens, `[B, V]`; become those of the tokens after the last.
    ///   - choices: How each text's tokens are chosen, `[B]`.
    /// - Returns: The tokens, `[count, B]`; -1 where a logit was not finite, after which the text's are undefined. Nil if the
    ///   engine cannot; then nothing has changed, and the caller goes on token by token.
    /// - Throws: `ParameterError` for sizes that do not fit together; `EngineError` when there are not as many texts as rows
    ///   in the state that is continued.
    func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice]
    ) throws -> [Int32]?
}

extension Engine {
    /// One: a step is run when it is asked for.
    public var preferredRunLength: Int { 1 }

    /// Nil: tokens are chosen and read one by one.
    public func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice]
    ) throws -> [Int32]? {
        nil
    }

    /// That of the prediction.
    public func loss(step: Int, row: Int) throws -> Double {
        try prediction(step: step, row: row).loss
    }

    /// That of ``MemoryEstimate``, for engines that compute in the machine's memory.
    public func memoryEstimate(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) -> (needed: Double, available: Double) {
        let needed = MemoryEstimate.bytes(
            configuration: configuration, vocabularySize: vocabularySize, sequenceLength: sequenceLength,
            batchSize: batchSize, precision: description.precision ?? .float32, optimizer: optimizer,
            regularization: regularization)
        return (needed, MemoryEstimate.machineMemory)
    }

    /// Checks ``MemoryEstimate``, for engines that compute in the machine's memory.
    public func checkMemory(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws {
        try MemoryEstimate.check(
            configuration: configuration, vocabularySize: vocabularySize, sequenceLength: sequenceLength,
            batchSize: batchSize, precision: description.precision ?? .float32, optimizer: optimizer,
            regularization: regularization)
    }

    /// Runs the steps one by one.
    public func train(_ steps: [TrainingStep]) throws -> [StepResult] {
        var results: [StepResult] = []
        results.reserveCapacity(steps.count)
        for step in steps {
            do {
                results.append(
                    try train(on: step.minibatch, with: step.optimizer, randomness: step.randomness))
            } catch {
                if results.isEmpty { throw error }
                return results
            }
            if results.last?.isFinite == false { return results }
        }
        return results
    }

    /// One step of training in which nothing is random.
    ///
    /// - Throws: As ``train(on:with:randomness:)``.
    public func train(on minibatch: Minibatch, with optimizer: Optimizer) throws -> StepResult {
        try train(on: minibatch, with: optimizer, randomness: nil)
    }

    /// The loss and its gradient, where nothing is random.
    ///
    /// - Throws: As ``gradients(on:randomness:)``.
    public func gradients(
        on minibatch: Minibatch
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        try gradients(on: minibatch, randomness: nil)
    }

    /// Starts from zeros again.
    ///
    /// - Throws: Nothing that a caller could have avoided.
    public func resetState() throws {
        try restoreState(NamedTensors())
    }

    /// The recurrent state as a value, one row of zeros before the first use: cheap to copy, keep and return to.
    public var recurrentState: RecurrentState {
        get throws {
            var state = RecurrentState(zerosFor: configuration)
            try copyState(to: &state)
            return state
        }
    }

    /// Continues from this state, by way of its tensors.
    public func restoreState(_ state: RecurrentState) throws {
        try state.check(for: configuration)
        try restoreState(state.tensors)
    }

    /// Writes the state into a value, by way of its tensors.
    public func copyState(to state: inout RecurrentState) throws {
        state = try RecurrentState(self.state, for: configuration)
    }
}

extension Minibatch {
    /// Checks sizes and token ids, so that no engine needs to while it runs.
    ///
    /// It runs for every generated token and so allocates nothing.
    package func check(vocabularySize: Int) throws {
        try ParameterError.require(
            sequenceLength >= 1, "sequenceLength", is: sequenceLength, but: "at least 1")
        try ParameterError.require(batchSize >= 1, "batchSize", is: batchSize, but: "at least 1")
        try check(inputs, "inputs.count", vocabularySize: vocabularySize)
        try check(targets, "targets.count", vocabularySize: vocabularySize)
    }

    private func check(_ ids: [Int32], _ name: String, vocabularySize: Int) throws {
        let count = sequenceLength * batchSize
        try ParameterError.require(
            ids.count == count, name, is: ids.count, but: "sequenceLength * batchSize, \(count)")
        // A negative id is a large number here, so one comparison finds both kinds.
        let greatest = ids.withUnsafeBufferPointer { ids in
            ids.reduce(UInt32(0)) { max($0, UInt32(bitPattern: $1)) }
        }
        guard greatest < UInt32(vocabularySize) else {
            throw EngineError.tokenOutOfRange(Int32(bitPattern: greatest), vocabularySize: vocabularySize)
        }
    }
}
