import CUnrollKernels
import Foundation
import UnrollKernels

/// What the last minibatch that was evaluated leaves behind: read it before the engine is used again.
extension CPUEngine {
    /// A prediction at one step and row of the minibatch.
    package struct Prediction {
        /// The loss of the token that came, in nats.
        package let loss: Double
        /// The loss to be expected before it came, the entropy of all probabilities, in nats.
        package let entropy: Double
    }

    /// What was predicted at a step, for a row.
    package func prediction(step: Int, row: Int) -> Prediction {
        guard let activations else { return Prediction(loss: .nan, entropy: .nan) }
        // The cross-entropy leaves each probability multiplied by the same number, zero in the padding.
        var (sum, weighted) = (0.0, 0.0)
        forEachPanel(of: activations.layout.logits.values, step: step, row: row, count: vocabularySize) {
            panel in
            for power in panel where power > 0 {
                sum += Double(power)
                weighted += Double(power * log(power))
            }
        }
        return Prediction(
            loss: activations.losses[step * activations.batchSize + row], entropy: log(sum) - weighted / sum)
    }

    /// Copies the probabilities of all tokens at a step, for a row, `[V]`.
    package func copyProbabilities(step: Int, row: Int, to probabilities: inout [Float]) {
        guard let activations else { return }
        probabilities.removeAll(keepingCapacity: true)
        forEachPanel(of: activations.layout.logits.values, step: step, row: row, count: vocabularySize) {
            panel in
            probabilities.append(contentsOf: panel)
        }
        let sum = probabilities.reduce(0, +)
        for index in probabilities.indices { probabilities[index] /= sum }
    }

    /// Calls `body` with the units of one of the cell's states after a step, for a row, 32 or fewer at a time.
    package func forEachUnits(
        ofState state: Int, layer: Int, step: Int, row: Int,
        _ body: (_ units: UnsafeBufferPointer<Float>) -> Void
    ) {
        guard let activations else { return }
        forEachPanel(
            of: activations.layout.layers[layer].states[state], step: step + 1, row: row,
            count: shape.hiddenSize, body)
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
