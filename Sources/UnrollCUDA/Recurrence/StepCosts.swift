import UnrollKernels

/// An estimate of the time of a kernel that computes one step of a layer in tiles, to compare it with other kernels.
///
/// Assumed of a GPU, before any was measured: as of persistent kernels, 1280 multiply-adds of bfloat16 in a cycle of a
/// multiprocessor or 100 of float32, and 24 bytes from the second-level cache while all read, but 64 where few do; 800
/// cycles until a load from there arrives; and 2000 from the end of one launch to the first product of the next, with the
/// formula and the loads for it.
struct StepCost {
    /// Rows, columns and summands of a tile.
    let rows, columns, depth: Int
    /// Tiles beside each other, which have all units.
    let tiles: Int
    /// Bytes of a factor on its way to a block.
    let factorSize: Int
    let precision: Precision
    /// Summands that a block asks for at once, and how many times before the first of them must be there.
    let stageDepth, stagesAhead: Int

    /// Clock cycles for so many rows of a minibatch.
    func cycles(batchSize: Int, multiprocessors: Int) -> Double {
        let blocks = Double(tiles * ((batchSize + rows - 1) / rows))
        let turns = (blocks / Double(multiprocessors)).rounded(.up)
        let bytes = Double((rows + columns) * depth * factorSize)
        let multiplied = Double(rows * columns * depth) / (precision == .bfloat16 ? 1280 : 100)
        let waited = 800 * Double((depth + stageDepth - 1) / stageDepth) / Double(stagesAhead)
        let ofBlocks = turns * max(multiplied, bytes / 64, waited)
        return 2000 + max(ofBlocks, blocks * bytes / (24 * Double(multiprocessors)))
    }
}

extension RecurrentLayer {
    /// Clock cycles of a step of both step kernels, by an estimate.
    func cyclesOfStepKernels(batchSize: Int, multiprocessors: Int) -> Double {
        let units = CellSource.unitsOfBlock(gates: gates)
        let columns = (gates * units + 15) / 16 * 16
        let kernels = [
            StepCost(
                rows: 32, columns: columns, depth: hiddenSize, tiles: (hiddenSize + units - 1) / units,
                factorSize: 4, precision: precision, stageDepth: columns <= 64 ? 64 : 32, stagesAhead: 1),
            StepCost(
                rows: 32, columns: 16, depth: gates * hiddenSize, tiles: (hiddenSize + 15) / 16,
                factorSize: 4, precision: precision, stageDepth: 64, stagesAhead: 1),
        ]
        return kernels.reduce(0) { $0 + $1.cycles(batchSize: batchSize, multiprocessors: multiprocessors) }
    }
}

extension ProductLayout {
    /// Clock cycles of a step of both kernels, by an estimate.
    package func estimatedCycles(batchSize: Int, multiprocessors: Int) -> Double {
        let H = layer.hiddenSize
        let kernels = [(forward, H, units), (backward, layer.gates * H, Self.backwardUnits)].map {
            StepCost(
                rows: $0.rows, columns: $0.columns, depth: $1, tiles: (H + $2 - 1) / $2, factorSize: 2,
                precision: .bfloat16, stageDepth: $0.stageDepth, stagesAhead: $0.stages - 1)
        }
        return kernels.reduce(0) { $0 + $1.cycles(batchSize: batchSize, multiprocessors: multiprocessors) }
    }
}
