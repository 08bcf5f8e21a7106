import UnrollBase
import UnrollModel

/// Compares a cell's derived gradient with the slope of its formula.
///
/// It finds a formula that cannot be differentiated where it matters, or a fault of the derivation. It cannot find a
/// formula that is not the one that was meant: only another implementation of the same cell can.
public enum GradientCheck {
    /// The greatest difference between derivative and slope, at random gates, inputs, states and learned vectors.
    ///
    /// A vector's numbers are within 0.5 of the value that it begins with.
    ///
    /// - Parameters:
    ///   - cell: The cell.
    ///   - seed: What the points are drawn from.
    /// - Returns: The difference relative to the derivative, or absolute where that is less than 1: about 1e-9 for a
    ///   smooth formula.
    /// - Throws: `ModelError.invalidCell` when the cell is not well-formed.
    public static func greatestError(
        of cell: any RecurrentCell.Type, seed: UInt64 = 0
    ) throws -> Double {
        let graph = try CellGraph(of: cell)
        let initialValues = ModelConfiguration(cell: cell).vectors(ofLayer: 0).map(\.initialValue)
        var source = RandomSource(seed: seed, purpose: .initialization)
        var greatest = 0.0
        for _ in 0..<100 {
            // Gates, the input's halves of split ones, previous states, learned vectors, the layer's input: whatever the
            // formula reads.
            let sizes = [graph.gateCount, graph.splitGates.count, graph.stateCount]
            let point =
                (0..<sizes.reduce(0, +)).map { _ in 4 * source.uniform() - 2 }
                + initialValues.map { $0 + source.uniform() - 0.5 }
                + (graph.readsLayerInput ? [4 * source.uniform() - 2] : [])
            let weights = (0..<graph.stateCount).map { _ in 2 * source.uniform() - 1 }
            func values(at point: [Double]) -> [Double] {
                graph.forwardValues(
                    gates: Array(point[..<sizes[0]]),
                    gateInputs: Array(point[sizes[0]..<sizes[0] + sizes[1]]), layerInput: point.last ?? 0,
                    states: Array(point[(sizes[0] + sizes[1])..<sizes.reduce(0, +)]),
                    parameters: Array(point[sizes.reduce(0, +)...].prefix(initialValues.count)))
            }
            // A loss that is linear in the new states has `weights` as their gradients.
            func loss(at point: [Double]) -> Double {
                let values = values(at: point)
                return zip(weights, graph.newStates).reduce(0) { $0 + $1.0 * values[$1.1] }
            }
            let derived = graph.gradients(forwardValues: values(at: point), stateGradients: weights)
            let gradients =
                derived.gates + derived.gateInputs + derived.states + derived.parameters
                + (graph.readsLayerInput ? [derived.layerInput] : [])
            for (index, gradient) in gradients.enumerated() {
                let step = 1e-5
                var (above, below) = (point, point)
                above[index] += step
                below[index] -= step
                let slope = (loss(at: above) - loss(at: below)) / (2 * step)
                let error = abs(gradient - slope) / max(1, abs(gradient))
                greatest = max(greatest, error.isNaN ? .infinity : error)
            }
        }
        return greatest
    }
}
