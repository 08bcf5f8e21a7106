import UnrollBase
import UnrollModel

/// What a step leaves out, number by number; without a step's masks nothing but the expected share of changes of state.
struct ReferenceMasks {
    private let masks: StepMasks?
    private let configuration: ModelConfiguration

    init(_ masks: StepMasks?, of configuration: ModelConfiguration) {
        self.masks = masks
        self.configuration = configuration
    }

    var labelSmoothing: Double { Double(masks?.regularization.labelSmoothing ?? 0) }

    /// A layer's output, or its gradient, on the way between layers, `[H]`.
    func output(_ values: [Double], layer: Int, time: Int, row: Int) -> [Double] {
        guard let masks, let mask = masks.output(layer: layer) else { return values }
        let time = masks.outputTime(time)
        return values.enumerated().map { mask.applied(to: $1, time: time, row: row, unit: $0) }
    }

    /// The vector of a token, or its gradient, `[E]`.
    func vector(_ values: [Double], of token: Int) -> [Double] {
        guard let mask = masks?.embedding else { return values }
        return values.map { mask.applied(to: $0, time: 0, row: token, unit: 0) }
    }

    /// The layers with their recurrent weights, or the gradients of these, masked.
    func droppingWeights(of layers: [ReferenceLayer]) -> [ReferenceLayer] {
        layers.enumerated().map { index, layer in
            guard let mask = masks?.recurrentWeights(layer: index) else { return layer }
            var layer = layer
            let H = configuration.hiddenSize
            for row in 0..<layer.hidden.count / H {
                for column in 0..<H {
                    layer.hidden[row * H + column] = mask.applied(
                        to: layer.hidden[row * H + column], time: row / H, row: column, unit: row % H)
                }
            }
            return layer
        }
    }

    /// For each state, what share of each unit's change happens, `[H]`.
    func newStates(layer: Int, time: Int, row: Int) -> [[Double]] {
        configuration.cell.states.indices.map { state in
            let expected = 1 - Double(configuration.zoneout.probability(ofState: state))
            return (0..<configuration.hiddenSize).map { unit in
                guard let masks else { return expected }
                guard let mask = masks.newState(layer: layer, state: state) else { return 1 }
                return mask.keeps(time: time, row: row, unit: unit) ? 1 : 0
            }
        }
    }
}

extension StepMasks.Mask {
    fileprivate func applied(to value: Double, time: Int, row: Int, unit: Int) -> Double {
        random.keeps(time: time, row: row, unit: unit) ? value * Double(scale) : 0
    }
}
