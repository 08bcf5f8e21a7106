import UnrollEngine

extension CUDAEngine {
    /// What an evaluation found, on the device until it is asked for.
    struct Evaluation {
        let shape: StepShape
        let base: DeviceAddress
        let memory: StepMemory
        /// Losses and then entropies of all tokens, once one of them was asked for.
        var predictions: [Float]?
    }

    /// How well the target at a step and row of the last minibatch was predicted.
    ///
    /// - Throws: `EngineError.noPrediction`, `CUDAError`.
    public func prediction(step: Int, row: Int) throws -> TokenPrediction {
        let evaluation = try evaluation(reaching: step, row)
        let count = evaluation.shape.tokenCount
        let predictions =
            try evaluation.predictions
            ?? queue.floats(at: evaluation.base + evaluation.memory.losses, count: 2 * count)
        evaluated?.predictions = predictions
        let place = step * evaluation.shape.B + row
        return TokenPrediction(
            loss: Double(predictions[place]), entropy: Double(predictions[count + place]))
    }

    /// Copies the probabilities of all tokens at a step and row, `[V]`.
    ///
    /// - Throws: `EngineError.noPrediction`, `CUDAError`.
    public func copyProbabilities(step: Int, row: Int, to probabilities: inout [Float]) throws {
        let evaluation = try evaluation(reaching: step, row)
        let rows = evaluation.base + evaluation.memory.logits
        if probabilities.count != vocabularySize {
            probabilities = [Float](repeating: 0, count: vocabularySize)
        }
        try queue.copy(
            rows.float((step * evaluation.shape.B + row) * vocabularySize), to: &probabilities)
    }

    /// Copies the units of a state after a step, `[H]`.
    ///
    /// - Throws: `EngineError.noPrediction`, `CUDAError`.
    public func copyUnits(
        ofState state: Int, layer: Int, step: Int, row: Int, to units: inout [Float]
    ) throws {
        let evaluation = try evaluation(reaching: step, row)
        let (T, B) = (evaluation.shape.T, evaluation.shape.B)
        guard (0..<dimensions.L).contains(layer), (0..<dimensions.states).contains(state) else {
            throw EngineError.noPrediction(step: step, row: row)
        }
        if units.count != dimensions.H { units = [Float](repeating: 0, count: dimensions.H) }
        let series = (layer * dimensions.states + state) * (T + 1) + step + 1
        try queue.copy(
            (evaluation.base + evaluation.memory.states).float((series * B + row) * dimensions.H), to: &units)
    }

    private func evaluation(reaching step: Int, _ row: Int) throws(EngineError) -> Evaluation {
        guard let evaluated, (0..<evaluated.shape.T).contains(step),
            (0..<evaluated.shape.B).contains(row)
        else { throw .noPrediction(step: step, row: row) }
        return evaluated
    }
}
