import CUnrollKernels
import UnrollKernels
import UnrollText

extension CPUEngine: GradientEngine {
    package var gradientSize: Int { weights.buffer.count }

    package func makeGradients(_ count: Int, extra: Int) throws -> [UnsafeMutablePointer<Float>] {
        shardGradients = try PackedParameters.several(count, shape: shape, extra: extra)
        return shardGradients.map(\.buffer.base)
    }

    package func computeGradient(
        on shard: Minibatch, randomness: StepRandomness?, into index: Int
    ) throws -> Double {
        try checkTraining()
        let masks = try masks(randomness)
        try prepare(for: shard, masks)
        try prepareParts(for: shard, masks)
        run(shardTask, over: shard, masks, gradients: shardGradients[index])
        carriedBatchSize = shard.batchSize
        return result.meanLoss
    }

    package func makeReceivedNumbers(_ count: Int) throws -> UnsafeMutablePointer<Float> {
        let numbers = try AlignedBuffer(count: count)
        receivedNumbers = numbers
        return numbers.base
    }

    package func clearGradient(_ index: Int) {
        let buffer = shardGradients[index].buffer
        buffer.base.update(repeating: 0, count: buffer.count)
    }

    package func setExtraNumbers(_ numbers: [Float], ofGradient index: Int) {
        for (offset, number) in numbers.enumerated() {
            shardGradients[index].buffer.base[gradientSize + offset] = number
        }
    }

    package func extraNumbers(ofGradient index: Int) -> [Float] {
        let buffer = shardGradients[index].buffer
        return Array(UnsafeBufferPointer(start: buffer.base, count: buffer.count)[gradientSize...])
    }

    package func add(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        pool.run { thread in
            let share = pool.share(of: count, granularity: PanelLayout.width, thread: thread)
            let first = share.lowerBound
            kernels.pointee.combine(
                UNROLL_COMBINE_ADD, sum + first, left + first, false, right + first, false, share.count)
        }
    }

    package func update(with index: Int, meanLoss: Double, optimizer: Optimizer) throws -> StepResult {
        try optimizer.check()
        self.optimizer = optimizer
        try slots.prepare(for: optimizer)
        pool.run { thread in _ = update(with: shardGradients[index], meanLoss: meanLoss, thread) }
        if result.isFinite { slots.count(optimizer) }
        return result
    }
}
