import UnrollEngine

/// Where everything is that a step computes, in one piece of the device's memory.
///
/// Shapes are those of the arrays' C layout; the last dimension lies together.
struct StepMemory: Sendable {
    /// Steps of training that can be enqueued without waiting.
    static let longestRun = 32

    let record: StepRecordLayout
    /// Steps that can be enqueued without waiting.
    let runLength: Int
    /// `Result` of each of up to `runLength` steps.
    let results: Int
    /// `Run`: after the results, so that one copy brings both, and before the records, so that one copy sets both.
    let run: Int
    /// The records of the steps that wait.
    let steps: Int
    /// The record of the current step.
    let step: Int
    let decision: Int
    /// States of all layers, [L, states, T + 1, B, H], the first of each those before the first step.
    let states: Int
    /// What each layer's formula saves, [T, saved, B, H].
    private(set) var saved: [Int] = []
    /// Each layer's output with its mask, [T, B, H]; with dropout.
    private(set) var outputs: [Int] = []
    /// Each layer's recurrent weights with their mask, [G H, H]; with weight drop.
    private(set) var droppedWeights: [Int] = []
    /// Vectors of the tokens, [T, B, E].
    let vectors: Int
    /// What a layer's inputs give to its gates, and later that one's gradient, [T, B, G H].
    let gateInputs: Int
    /// The gradients of the halves of gates from the layer itself, [T, B, G H].
    let hiddenGradients: Int
    /// The gradient of a layer's output, and of the tokens' vectors in the end, [T, B, H or E].
    let outputGradients: Int
    /// The gradients of a layer's states between two steps, [states, B, H].
    let stateGradients: Int
    /// What each token adds to the gradients of a layer's learned vectors, [vectors, T, B, H].
    let vectorGradients: Int
    /// Two parts of the gradient of what a layer reads, [2, T, B, H]: what flows through the gates, and past them.
    let inputGradients: Int
    /// Logits, and in their place gradients or probabilities, [T, B, V].
    let logits: Int
    /// The loss of each token, [T, B].
    let losses: Int
    /// The loss to be expected of each token, [T, B], after the losses, so that one copy brings both.
    let entropies: Int
    /// Parts of a product that is summed in parts.
    let parts: Int
    /// What the blocks of a grid exchange.
    let exchanged: Int
    /// Each layer's recurrent weights, [G H, H], and first states, [T + 1, B, H], as factors of step products.
    private(set) var roundedWeights: [Int] = [], roundedStates: [Int] = []
    /// The gradients of the hidden halves of gates as such factors, [T, B, G H].
    let roundedGradients: Int
    /// Factors of the first and of the second matrix of a large product, unless they are elsewhere.
    let factorsOfFirst, factorsOfSecond: Int
    /// Sums of squares, of 4096 parameters each, in double precision.
    let squares: Int
    /// Bytes in all.
    let byteCount: Int

    /// Lays out the memory of a step, with what these kernels need.
    ///
    /// - Throws: `CUDAError.arrayTooLarge`.
    init(
        _ shape: StepShape, _ dimensions: Dimensions, parameterCount: Int, kernels: KernelSet
    ) throws(CUDAError) {
        try CUDAError.requireCountable(Self.largestCount(shape, dimensions))
        // Blocks of a product have 64 rows, and a grid has up to 65,535 of them in its second dimension.
        let rows = max(
            Double(shape.T) * Double(shape.B), Double(max(dimensions.V, dimensions.G * dimensions.H)))
        try CUDAError.requireCountable(rows, limit: 65_535 * 64)
        let (T, B, H, V, G) = (shape.T, shape.B, dimensions.H, dimensions.V, dimensions.G)
        let tokens = shape.tokenCount
        let trains = shape.purpose.hasGradients
        record = StepRecordLayout(
            tokenCount: tokens, layerCount: dimensions.L, stateCount: dimensions.states)
        var end = 0
        func place(_ count: Int, wordSize: Int = 4) -> Int {
            defer { end += (count * wordSize + 255) / 256 * 256 }
            return end
        }
        runLength = shape.purpose.runLength
        results = place(4 * runLength + 4 + runLength * record.wordCount)
        run = results + 16 * runLength
        steps = run + 16
        decision = place(4)
        step = place(record.wordCount)
        states = place(dimensions.L * dimensions.states * (T + 1) * B * H)
        for _ in 0..<dimensions.L {
            saved.append(place(dimensions.saved * tokens * H))
            if shape.hasDropout { outputs.append(place(tokens * H)) }
            if shape.hasWeightDrop { droppedWeights.append(place(G * H * H)) }
        }
        vectors = place(tokens * (dimensions.E ?? 0))
        gateInputs = place(tokens * G * H)
        let backward = trains ? 1 : 0
        hiddenGradients = dimensions.hasSplitGates ? place(backward * tokens * G * H) : gateInputs
        outputGradients = place(backward * tokens * max(H, dimensions.E ?? 0))
        stateGradients = place(backward * dimensions.states * B * H)
        vectorGradients = place(backward * dimensions.vectors * tokens * H)
        inputGradients = place(dimensions.readsLayerInput ? 2 * backward * tokens * H : 0)
        logits = place(tokens * V)
        losses = place(2 * tokens)
        entropies = losses + 4 * tokens
        let sums = [(V, H), (G * H, H), (G * H, dimensions.E ?? 0)]
        let ofSums = sums.flatMap { m, n in
            [ProductParts(m: m, n: n, k: tokens)]
                + (kernels.factorProducts == nil ? [] : [ProductParts(largeOf: m, n, tokens)])
        }
        parts = place(backward * (ofSums.map(\.scratchCount).max() ?? 0))
        let persistent = kernels.recurrence.persistent(forRows: B)
        exchanged = place(tokens * (persistent?.exchangedBytes(for: shape.purpose) ?? 0), wordSize: 1)
        let products = kernels.recurrence.products(forRows: B)?.layout
        for _ in 0..<dimensions.L {
            roundedWeights.append(place(products?.weightBytes ?? 0, wordSize: 1))
            roundedStates.append(place((T + 1) * (products?.stateBytes(rows: B) ?? 0), wordSize: 1))
        }
        roundedGradients = place(backward * T * (products?.gradientBytes(rows: B) ?? 0), wordSize: 1)
        let sizes = Self.productSizes(shape, dimensions).map { m, n, k in
            kernels.factorProducts?.scratchBytes(m: m, n: n, k: k) ?? (a: 0, b: 0)
        }
        factorsOfFirst = place(sizes.map(\.a).max() ?? 0, wordSize: 1)
        factorsOfSecond = place(sizes.map(\.b).max() ?? 0, wordSize: 1)
        squares = place((parameterCount + 4095) / 4096, wordSize: 8)
        byteCount = end
    }

    /// Rows, columns and summands of all products outside of the recurrence.
    private static func productSizes(_ shape: StepShape, _ dimensions: Dimensions) -> [(Int, Int, Int)] {
        let tokens = shape.tokenCount, gates = dimensions.G * dimensions.H
        let inputs = [dimensions.E, dimensions.L > 1 ? dimensions.H : nil].compactMap(\.self)
        let forward = inputs.map { (tokens, gates, $0) } + [(tokens, dimensions.V, dimensions.H)]
        guard shape.purpose.hasGradients else { return forward }
        let ofWeights = (inputs + [dimensions.H]).map { (gates, $0, tokens) }
        let ofInputs = inputs.map { (tokens, $0, gates) }
        return forward + ofWeights + ofInputs
            + [(dimensions.V, dimensions.H, tokens), (tokens, dimensions.H, dimensions.V)]
    }

    /// Numbers in the largest array, in floating point, so that absurd sizes are refused and do not overflow.
    private static func largestCount(_ shape: StepShape, _ dimensions: Dimensions) -> Double {
        let (H, G) = (Double(dimensions.H), Double(dimensions.G))
        let tokens = (Double(shape.T) + 1) * Double(shape.B)
        let perToken = [
            Double(dimensions.L * dimensions.states) * H, Double(dimensions.saved) * H, G * H,
            Double(dimensions.vectors) * H, 2 * H,
            Double(dimensions.V), Double(dimensions.E ?? 0),
            // Words of the records of a run.
            Double(6 * shape.purpose.runLength),
        ]
        return max(tokens * (perToken.max() ?? 0), G * H * H)
    }
}
