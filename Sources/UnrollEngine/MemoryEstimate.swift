import UnrollBase
import UnrollKernels
import UnrollModel

/// The memory that training takes, computed before anything is allocated.
public enum MemoryEstimate {
    /// Bytes for training a model on minibatches of `sequenceLength` x `batchSize`, as `CPUEngine` lays them out.
    ///
    /// In floating point, so that absurd sizes give an absurd estimate instead of an overflow.
    public static func bytes(
        configuration: ModelConfiguration, vocabularySize: Int, sequenceLength: Int, batchSize: Int,
        precision: Precision = .float32, optimizer: Optimizer = Optimizer(),
        regularization: Regularization = Regularization()
    ) -> Double {
        let padding = Double(PanelLayout.width)
        let gates = Double(configuration.cell.gates.count)
        let states = Double(configuration.cell.states.count)
        let vectors = Double(configuration.vectors(ofLayer: 0).count)
        let layers = Double(configuration.layerCount)
        let hidden = Double(configuration.hiddenSize) + padding
        let vocabulary = Double(vocabularySize) + padding
        let embedding = configuration.embeddingSize.map { Double($0) + padding }
        let tokens = Double(sequenceLength) * Double(batchSize)

        let firstInput: Double = embedding ?? vocabulary
        let firstLayer: Double = gates * hidden * (hidden + firstInput + 2)
        let otherLayers: Double = (layers - 1) * gates * hidden * (2 * hidden + 2)
        let decoder: Double = vocabulary * (hidden + 1)
        let ownEmbedding: Double = configuration.tiesWeights ? 0 : vocabulary * (embedding ?? 0)
        let parameters: Double =
            firstLayer + otherLayers + layers * vectors * hidden + decoder + ownEmbedding
        let dropped: Double = regularization.weightDrop > 0 ? layers * gates * hidden * hidden : 0

        // A cell that is not well-formed is refused by name later.
        let graph = try? configuration.cellGraph()
        // The vector of every token, for a formula that reads it.
        let read: Double = graph?.readsLayerInput == true ? hidden : 0
        let saved = Double(graph.map { CellProgram($0).savedCount + $0.splitGates.count } ?? 0)
        // In each layer states, what the backward pass needs, gates' and vectors' gradients; one output gradient; logits.
        let masked = Double(configuration.zonedStates.count) + (regularization.dropout > 0 ? 1 : 0)
        let perToken: Double =
            layers * hidden * (states + saved + gates + vectors + masked) + hidden + read + vocabulary
        // For each distinct token its vector, that vector's gradient, and what it gives to the gates.
        let lookedUp: Double =
            embedding.map { min(tokens, vocabulary) * (2 * $0 + gates * hidden) } ?? 0
        // Parameters, their gradients, their transposes, and the copy that goes into a checkpoint; in bfloat16 the
        // operands of products come on top, at half the size in each of two directions.
        let words: Double = precision == .float32 ? 1 : 2
        // Each slot of the optimizer has a copy in the checkpoint too.
        let slots = Double(optimizer.rule.slots.count + (optimizer.averaging == .none ? 0 : 1))
        return 4 * ((4 + 2 * slots) * parameters + 2 * dropped + words * (tokens * perToken + lookedUp))
    }

    /// Checks that training such a model fits into this machine, and that every size is in its range.
    ///
    /// - Throws: `ParameterError.outOfRange` for `hiddenSize`, `vocabularySize`, `sequenceLength` or `batchSize`,
    ///   `EngineError.notEnoughMemory`, and what `ModelConfiguration.check()` throws.
    public static func check(
        configuration: ModelConfiguration, vocabularySize: Int, sequenceLength: Int, batchSize: Int,
        precision: Precision = .float32, optimizer: Optimizer = Optimizer(),
        regularization: Regularization = Regularization()
    ) throws {
        let sizes = [
            ("hiddenSize", configuration.hiddenSize), ("vocabularySize", vocabularySize),
            ("sequenceLength", sequenceLength), ("batchSize", batchSize),
        ]
        for (name, value) in sizes {
            try ParameterError.require(value >= 1, name, is: value, but: "at least 1")
        }
        let needed = bytes(
            configuration: configuration, vocabularySize: vocabularySize, sequenceLength: sequenceLength,
            batchSize: batchSize, precision: precision, optimizer: optimizer, regularization: regularization)
        let available = machineMemory
        guard needed <= available else {
            throw EngineError.notEnoughMemory(needed: needed, available: available)
        }
        try configuration.check()
        // Kernels count in 32 bits. Only a machine with very much memory gets here with a size beyond that.
        let limit = Int(Int32.max) / (4 * PanelLayout.width)
        for (name, value) in sizes {
            try ParameterError.require(value <= limit, name, is: value, but: "in 1...\(limit)")
        }
    }

    /// The memory that this process may use: the machine's, or its container's where that is less.
    public static var machineMemory: Double { SystemInfo.memory }

    /// Bytes as people read them, "about 1.2 GB".
    package static func formatted(_ bytes: Double) -> String {
        let units = ["bytes", "KB", "MB", "GB", "TB", "PB"]
        var (value, unit) = (bytes, 0)
        while value >= 1000, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
        return value < 1e6 ? "about \((value * 10).rounded() / 10) \(units[unit])" : "far more than 1000 PB"
    }
}
