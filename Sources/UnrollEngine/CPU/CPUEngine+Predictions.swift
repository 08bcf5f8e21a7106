import CUnrollKernels
import Foundation
import UnrollKernels

/// What the last minibatch that was evaluated leaves in the activations.
extension CPUEngine {
    /// The loss of the target at a step and row of the last minibatch, in nats.
    public func loss(step: Int, row: Int) throws(EngineError) -> Double {
        let activations = try evaluated(step: step, row: row)
        return activations.losses[step * activations.batchSize + row]
    }

    /// How well the target at a step and row of the last minibatch was predicted.
    public func prediction(step: Int, row: Int) throws(EngineError) -> TokenPrediction {
        let activations = try evaluated(step: step, row: row)
        // The cross-entropy leaves each probability multiplied by the same number, zero in the padding.
        var (sum, weighted) = (0.0, 0.0)
        forEachPanel(of: activations.layout.logits.values, step: step, row: row, count: vocabularySize) {
            panel in
            for power in panel where power > 0 {
                sum += Double(power)
                weighted += Double(power * log(power))
            }
        }
        return TokenPrediction(
            loss: activations.losses[step * activations.batchSize + row], entropy: log(sum) - weighted / sum)
    }

    /// Copies the probabilities of all tokens at a step and row, `[V]`.
    public func copyProbabilities(
        step: Int, row: Int, to probabilities: inout [Float]
    ) throws(EngineError) {
        let activations = try evaluated(step: step, row: row)
        probabilities.removeAll(keepingCapacity: true)
        forEachPanel(of: activations.layout.logits.values, step: step, row: row, count: vocabularySize) {
            panel in
            probabilities.append(contentsOf: panel)
        }
        let sum = probabilities.reduce(0, +)
        for index in probabilities.indices { probabilities[index] /= sum }
    }

    /// Copies the units of a state after a step, `[H]`.
    public func copyUnits(
        ofState state: Int, layer: Int, step: Int, row: Int, to units: inout [Float]
    ) throws(EngineError) {
        let activations = try evaluated(step: step, row: row)
        guard (0..<shape.layerCount).contains(layer), (0..<shape.stateCount).contains(state) else {
            throw .noPrediction(step: step, row: row)
        }
        units.removeAll(keepingCapacity: true)
        forEachPanel(
            of: activations.layout.layers[layer].states[state], step: step + 1, row: row,
            count: shape.hiddenSize
        ) { units.append(contentsOf: $0) }
    }

    private func evaluated(step: Int, row: Int) throws(EngineError) -> Activations {
        guard hasPredictions, let activations, (0..<activations.sequenceLength).contains(step),
            (0..<activations.batchSize).contains(row)
        else { throw .noPrediction(step: step, row: row) }
        return activations
    }

    private func forEachPanel(
        of panels: UnrollPanels, step: Int, row: Int, count: Int,
        _ body: (UnsafeBufferPointer<Float>) -> Void
    ) {
        let width = PanelLayout.width
        for first in stride(from: 0, to: count, by: width) {
            let tile = panels.advanced(steps: step, panels: first / width, rows: row)
            body(UnsafeBufferPointer(start: tile.base, count: min(width, count - first)))
        }
    }
}
