import UnrollEngine

/// What a step is for.
enum StepPurpose: Sendable, Hashable {
    /// Gradient and update, with these slots of the optimizer.
    case training(slots: Set<OptimizerSlot>)
    /// The gradient alone.
    case gradients
    /// The gradient of a shard, in the memory of this number, and the states that go on.
    case shard(gradient: Int)
    /// An update by the gradient of all shards, in the memory of this number, with these slots of the optimizer.
    case update(gradient: Int, slots: Set<OptimizerSlot>)
    /// Losses and probabilities.
    case evaluation
    /// Logits.
    case generation

    /// Steps that can be enqueued without waiting.
    var runLength: Int {
        if case .training = self { StepMemory.longestRun } else { 1 }
    }

    /// Whether there is a backward pass.
    var hasGradients: Bool {
        switch self {
        case .training, .gradients, .shard: true
        case .update, .evaluation, .generation: false
        }
    }

    /// The optimizer's slots that the step updates.
    var slots: Set<OptimizerSlot> {
        switch self {
        case .training(let slots), .update(_, let slots): slots
        case .gradients, .shard, .evaluation, .generation: []
        }
    }
}

/// What the kernels of a step, and the memory that they work in, depend on: steps of one shape run the same graph.
struct StepShape: Sendable, Hashable {
    /// Time steps.
    var T: Int
    /// Rows of the minibatch.
    var B: Int
    var purpose: StepPurpose
    /// Whether layers' outputs have a dropped form beside them.
    var hasDropout = false
    /// Whether all steps through time drop the same.
    var usesVariationalDropout = false
    /// Whether recurrent weights are dropped.
    var hasWeightDrop = false

    /// Tokens of the minibatch.
    var tokenCount: Int { T * B }
}

/// How a product whose result is small beside its sums is divided.
///
/// Parts of the sums are computed apart, and then added in their order. It depends on sizes alone, so that every device
/// adds in the same order.
struct ProductParts: Sendable {
    let count: Int
    /// Numbers of a sum in each part, a multiple of 16, or of 64 where tiles are large.
    let depth: Int
    /// Numbers that all parts have together, if there are several.
    let scratchCount: Int

    /// Divides a product of [m, k] and [k, n] into at most 16 parts, so that about 256 blocks compute it.
    init(m: Int, n: Int, k: Int) {
        self.init(m, n, k, tileSize: 64, leastDepth: 64, unit: 16)
    }

    /// Divides a product of large tiles.
    init(largeOf m: Int, _ n: Int, _ k: Int) {
        self.init(m, n, k, tileSize: FactorProducts.tileSize, leastDepth: 512, unit: 64)
    }

    private init(_ m: Int, _ n: Int, _ k: Int, tileSize: Int, leastDepth: Int, unit: Int) {
        let tiles = max(1, (m + tileSize - 1) / tileSize * ((n + tileSize - 1) / tileSize))
        let wanted = max(1, min(256 / tiles, k / leastDepth, 16))
        depth = ((k + wanted - 1) / wanted + unit - 1) / unit * unit
        count = (k + depth - 1) / depth
        scratchCount = count > 1 ? count * m * n : 0
    }
}
