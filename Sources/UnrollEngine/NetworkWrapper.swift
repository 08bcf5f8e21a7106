import UnrollModel
import UnrollText

/// An engine around another: what it does not do otherwise, the network's engine does.
package protocol NetworkWrapper: Engine {
    /// The engine of the network.
    var network: any Engine { get }
}

extension NetworkWrapper {
    package var configuration: ModelConfiguration { network.configuration }
    package var vocabularySize: Int { network.vocabularySize }
    package var description: EngineDescription { network.description }
    package var parameters: ModelParameters { get throws { try network.parameters } }

    // MARK: State

    package var state: NamedTensors<Float> { get throws { try network.state } }

    package var optimizerState: OptimizerState { get throws { try network.optimizerState } }

    package func restoreOptimizerState(_ state: OptimizerState) throws {
        try network.restoreOptimizerState(state)
    }

    package func exchangeParametersWithAverage() throws {
        try network.exchangeParametersWithAverage()
    }

    // MARK: Memory

    package func memoryEstimate(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws -> (needed: Double, available: Double) {
        try network.memoryEstimate(
            sequenceLength: sequenceLength, batchSize: batchSize, optimizer: optimizer,
            regularization: regularization)
    }

    package func checkMemory(
        sequenceLength: Int, batchSize: Int, optimizer: Optimizer, regularization: Regularization
    ) throws {
        try network.checkMemory(
            sequenceLength: sequenceLength, batchSize: batchSize, optimizer: optimizer,
            regularization: regularization)
    }

    // MARK: Evaluation and generation

    package func evaluate(_ minibatch: Minibatch) throws -> Double { try network.evaluate(minibatch) }

    package func loss(step: Int, row: Int) throws -> Double { try network.loss(step: step, row: row) }

    package func prediction(step: Int, row: Int) throws -> TokenPrediction {
        try network.prediction(step: step, row: row)
    }

    package func copyProbabilities(step: Int, row: Int, to probabilities: inout [Float]) throws {
        try network.copyProbabilities(step: step, row: row, to: &probabilities)
    }

    package func copyUnits(
        ofState state: Int, layer: Int, step: Int, row: Int, to units: inout [Float]
    ) throws {
        try network.copyUnits(ofState: state, layer: layer, step: step, row: row, to: &units)
    }

    package func advance(_ token: Int32, logits: inout [Float]) throws {
        try network.advance(token, logits: &logits)
    }

    package func advance(_ tokens: [Int32], logits: inout [Float]) throws {
        try network.advance(tokens, logits: &logits)
    }
}
