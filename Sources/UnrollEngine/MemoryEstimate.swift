import UnrollKernels
import UnrollModel

/// How much memory training takes, found out before anything is allocated.
public enum MemoryEstimate {
    /// Bytes for training a model on minibatches of `timeSteps` x `batchSize`, as `CPUEngine` lays them out.
    ///
    /// In floating point, so that absurd sizes give an absurd estimate and not an overflow.
    public static func bytes(
        configuration: ModelConfiguration, vocabularySize: Int, timeSteps: Int, batchSize: Int
    ) -> Double {
        let gates = Double(configuration.cell.gates.count)
        let states = Double(configuration.cell.states.count)
        let hidden = Double(configuration.hiddenSize) + Double(PanelLayout.width)
        let vocabulary = Double(vocabularySize) + Double(PanelLayout.width)
        let recurrent: Double = gates * hidden * (hidden + vocabulary + 2)
        let decoder: Double = vocabulary * (hidden + 1)
        let parameters = recurrent + decoder
        // A cell that is not well-formed is refused by name later.
        let graph = try? CellGraph(of: configuration.cell)
        let saved = Double(graph.map { CellProgram($0).savedCount + $0.splitGates.count } ?? 0)
        // States, what the backward pass needs, gates' gradients, and logits.
        let perToken: Double = hidden * (states + saved + gates) + vocabulary
        let activations = Double(timeSteps) * Double(batchSize) * perToken
        // Parameters, their gradients, their transposes, and the copy that goes into a checkpoint.
        return 4 * (4 * parameters + activations)
    }

    /// Throws when training such a model would not fit into this machine, or when a size makes no sense.
    public static func check(
        configuration: ModelConfiguration, vocabularySize: Int, timeSteps: Int, batchSize: Int
    ) throws(EngineError) {
        let sizes = [
            ("the hidden size (--hidden)", configuration.hiddenSize), ("the vocabulary size", vocabularySize),
            ("the number of time steps (--steps)", timeSteps), ("the batch size (--batch)", batchSize),
        ]
        for (name, value) in sizes where value < 1 {
            throw .invalidSize(name: name, value: value)
        }
        let needed = bytes(
            configuration: configuration, vocabularySize: vocabularySize, timeSteps: timeSteps,
            batchSize: batchSize)
        let available = machineMemory
        guard needed <= available else { throw .notEnoughMemory(needed: needed, available: available) }
        do {
            try configuration.check()
        } catch {
            throw .model(error)
        }
        // Kernels count in 32 bits. A machine with enough memory to get here has sizes beyond that by name.
        for (name, value) in sizes where value > Int(Int32.max) / (4 * PanelLayout.width) {
            throw .invalidSize(name: name, value: value)
        }
    }

    /// The memory that this process may use: the machine's, or its container's where that is less.
    public static var machineMemory: Double { MachineMemory.bytes }
}
