import CUnrollKernels
import UnrollKernels

/// The memory of one minibatch: states, saved values, gradients, logits, all as panels over time.
///
/// Allocated for the largest minibatch so far and laid out for the present one.
final class Activations {
    let timeSteps: Int
    let batchSize: Int
    /// Each state before step `t` at `t`: `[T + 1][P][B][32]`.
    let states: [UnrollPanels]
    /// Values kept for the backward pass: `[T][P][B][32]`.
    let saved: [UnrollPanels]
    /// The gates, then the input's halves of split gates: `[T][(G + split) P][B][32]`.
    let gateGradient: UnrollPanels
    /// The gradient of each state between two steps: `[P][B][32]`.
    let carriedGradients: [UnrollPanels]
    /// Logits, then their gradients: `[T][ceil(V/32)][B][32]`.
    let logits: UnrollPanels
    /// The loss of each token in nats, `[T][B]`.
    let losses: UnsafeMutablePointer<Double>

    private let shape: ModelShape
    private let buffer: AlignedBuffer
    private let lossBuffer: AlignedBuffer

    /// Lays out memory for minibatches of this shape, in the buffer of `earlier` where that is large enough.
    init(
        timeSteps: Int, batchSize: Int, shape: ModelShape, savedCount: Int, reusing earlier: Activations?
    ) throws(KernelError) {
        let width = PanelLayout.width
        let hiddenStep = shape.hiddenPanels * batchSize * width
        let sizes =
            [Int](repeating: (timeSteps + 1) * hiddenStep, count: shape.stateCount)
            + [Int](repeating: timeSteps * hiddenStep, count: savedCount)
            + [timeSteps * shape.gateGradientPanels * batchSize * width]
            + [Int](repeating: hiddenStep, count: shape.stateCount)
            + [timeSteps * shape.vocabularyPanels * batchSize * width]
        let total = sizes.reduce(0, +)
        // A double takes the room of two floats.
        let lossCount = 2 * timeSteps * batchSize
        let buffer: AlignedBuffer
        if let earlier, earlier.buffer.count >= total, earlier.lossBuffer.count >= lossCount {
            (buffer, lossBuffer) = (earlier.buffer, earlier.lossBuffer)
            buffer.base.update(repeating: 0, count: total)
        } else {
            buffer = try AlignedBuffer(count: total)
            lossBuffer = try AlignedBuffer(count: lossCount)
        }
        self.buffer = buffer
        var offset = 0
        func place(_ size: Int, time: Int) -> UnrollPanels {
            defer { offset += size }
            return UnrollPanels(base: buffer.base + offset, time: time, panel: batchSize * width, row: width)
        }
        var remaining = sizes[...]
        states = (0..<shape.stateCount).map { _ in place(remaining.removeFirst(), time: hiddenStep) }
        saved = (0..<savedCount).map { _ in place(remaining.removeFirst(), time: hiddenStep) }
        gateGradient = place(remaining.removeFirst(), time: shape.gateGradientPanels * batchSize * width)
        carriedGradients = (0..<shape.stateCount).map { _ in place(remaining.removeFirst(), time: 0) }
        logits = place(remaining.removeFirst(), time: shape.vocabularyPanels * batchSize * width)
        losses = UnsafeMutableRawPointer(lossBuffer.base).assumingMemoryBound(to: Double.self)
        self.shape = shape
        self.timeSteps = timeSteps
        self.batchSize = batchSize
    }

    /// Where the slots of a program lie for this minibatch; scratch tiles begin at `scratch`.
    func address(of location: CellProgram.Location, scratch: UnsafeMutablePointer<Float>) -> UnrollPanels {
        switch location {
        case .previousState(let state):
            return states[state]
        case .newState(let state):
            var panels = states[state]
            panels.base += panels.time
            return panels
        case .saved(let index):
            return saved[index]
        case .gateGradient(let gate):
            var panels = gateGradient
            panels.base += gate * shape.hiddenPanels * panels.panel
            return panels
        case .gateInputGradient(let split):
            return address(of: .gateGradient(shape.gateCount + split), scratch: scratch)
        case .carriedGradient(let state):
            return carriedGradients[state]
        case .scratch(let index):
            return UnrollPanels(base: scratch + index * Self.tileSize, time: 0, panel: 0, row: 0)
        }
    }

    /// Copies the logits of the first row of the first step.
    func copyLogits(to destination: inout [Float]) {
        let width = PanelLayout.width
        for token in 0..<shape.vocabularySize {
            destination[token] = logits.base[token / width * logits.panel + token % width]
        }
    }

    /// Numbers in a scratch tile.
    static let tileSize = PanelLayout.width * Int(UNROLL_TILE_ROWS)
}
