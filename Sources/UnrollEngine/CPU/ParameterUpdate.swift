import CUnrollKernels
import UnrollKernels

/// What becomes of a gradient, as phases that every thread calls with its number: its norm, and the update.
struct ParameterUpdate {
    let engine: CPUEngine
    let gradients: PackedParameters

    /// Adds up the squares of the gradients, block by block.
    func sumSquares(_ thread: Int) {
        for index in engine.blocks(of: thread) {
            let block = gradients.blocks[index]
            engine.blockNorms[index] = engine.kernels.pointee.sum_of_squares(
                gradients.buffer.base + block.offset, block.count)
        }
        engine.pool.barrier()
    }

    /// The gradient norm, the same on every thread once `sumSquares` is done.
    func norm() -> Double {
        var squares = 0.0
        for index in gradients.blocks.indices { squares += engine.blockNorms[index] }
        return squares.squareRoot()
    }

    /// Updates the parameters and refreshes what follows from them.
    func apply(_ step: UnrollUpdate, _ thread: Int) {
        var step = step
        let (weights, slots) = (engine.weights, engine.slots)
        let (momentum, square) = (slots.momentum?.buffer.base, slots.square?.buffer.base)
        let average = slots.average?.buffer.base
        for index in engine.blocks(of: thread) {
            let (offset, count) = (weights.blocks[index].offset, weights.blocks[index].count)
            engine.kernels.pointee.update(
                &step, weights.buffer.base + offset, gradients.buffer.base + offset,
                momentum.map { $0 + offset }, square.map { $0 + offset }, average.map { $0 + offset }, count)
        }
        engine.pool.barrier()
        engine.derived.refresh(kernels: engine.kernels, thread: thread, threadCount: engine.pool.threadCount)
    }
}
