import UnrollModel
import UnrollText

/// An engine around another: what it does not do otherwise, the network's engine does.
protocol NetworkWrapper: Engine {
    /// The engine of the network.
    var network: any Engine { get }
}

extension NetworkWrapper {
    var configuration: ModelConfiguration { network.configuration }
    var vocabularySize: Int { network.vocabularySize }
    var description: EngineDescription { network.description }
    var parameters: ModelParameters { get throws { try network.parameters } }

    // MARK: State

    var state: NamedTensors<Float> { get throws { try network.state } }

    var optimizerState: OptimizerState { get throws { try network.optimizerState } }

    func restoreOptimizerState(_ state: OptimizerState) throws {
        try network.restoreOptimizerState(state)
    }

    func exchangeParametersWithAverage() throws {
        try network.exchangeParametersWithAverage()
    }

    // MARK: Memory

    func memoryEstimate(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws -> (needed: Double, available: Double) {
        try network.memoryEstimate(
            sequenceLength: sequenceLength, batchSize: batchSize, optimizer: optimizer,
            regularization: regularization)
    }

    func checkMemory(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws {
        try network.checkMemory(
            sequenceLength: sequenceLength, batchSize: batchSize, optimizer: optimizer,
            regularization: regularization)
    }

    // MARK: Evaluation and generation

    func evaluate(_ minibatch: Minibatch) throws -> Double { try network.evaluate(minibatch) }

    func loss(step: Int, row: Int) throws -> Double { try network.loss(step: step, row: row) }

    func prediction(step: Int, row: Int) throws -> TokenPrediction {
        try network.prediction(step: step, row: row)
    }

    func copyProbabilities(step: Int, row: Int, to probabilities: inout [Float]) throws {
        try network.copyProbabilities(step: step, row: row, to: &probabilities)
    }

    func copyUnits(
        ofState state: Int, layer: Int, step: Int, row: Int, to units: inout [Float]
    ) throws {
        try network.copyUnits(ofState: state, layer: layer, step: step, row: row, to: &units)
    }

    func advance(_ token: Int32, logits: inout [Float]) throws {
        try network.advance(token, logits: &logits)
    }

    func advance(_ tokens: [Int32], logits: inout [Float]) throws {
        try network.advance(tokens, logits: &logits)
    }
}
