import UnrollCluster
import UnrollEngine
import UnrollText

/// Gradients of shards are in the device's memory, and so are the addresses that the contract speaks of.
extension CUDAEngine: GradientEngine {
    package var gradientSize: Int { layout.count }

    package func makeGradients(_ count: Int, extra: Int) throws -> [UnsafeMutablePointer<Float>] {
        try runner.makeShardGradients(count, extra: extra)
        return runner.shardGradients.map(\.address.pointer)
    }

    package func computeGradient(
        on shard: Minibatch, randomness: StepRandomness?, into index: Int
    ) throws -> Double {
        let result = try runSingle(shard, for: .shard(gradient: index), randomness)
        runner.carriedBatchSize = shard.batchSize
        return result.meanLoss * Double(shard.tokenCount)
    }

    package func clearGradient(_ index: Int) throws {
        let memory = runner.shardGradients[index]
        try queue.fillWithZeros(memory.address, byteCount: memory.byteCount)
    }

    package func setExtraNumbers(_ numbers: [Float], ofGradient index: Int) throws {
        try queue.copy(numbers, to: runner.shardGradients[index].address.float(layout.count))
    }

    package func extraNumbers(ofGradient index: Int) throws -> [Float] {
        let memory = runner.shardGradients[index]
        return try queue.floats(
            at: memory.address.float(layout.count),
            count: memory.byteCount / MemoryLayout<Float>.size - layout.count)
    }

    package func update(with index: Int, meanLoss: Double, optimizer: Optimizer) throws -> StepResult {
        try optimizer.check()
        let memory = runner.optimizerMemory
        try memory.prepare(for: optimizer)
        var numbers = StepNumbers()
        numbers.setUpdate(optimizer, steps: memory.steps, averagedSteps: memory.averagedSteps)
        numbers.meanLoss = Float(meanLoss)
        // Every record has tokens; an update reads none of them.
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 1, batchSize: 1, continuesState: false)
        let shape = StepShape(
            T: 1, B: 1, purpose: .update(gradient: index, slots: optimizer.updatedSlots))
        let found = try run(shape, [(numbers, TrainingStep(minibatch: minibatch))])[0]
        if found.isFinite { memory.count(optimizer, steps: 1) }
        return StepResult(
            meanLoss: found.meanLoss.isFinite ? meanLoss : found.meanLoss, gradientNorm: found.gradientNorm)
    }

    // MARK: Memory

    package func makeReceivedNumbers(_ count: Int) throws -> UnsafeMutablePointer<Float> {
        let memory = try DeviceMemory(byteCount: MemoryLayout<Float>.size * max(1, count), on: device)
        receivedNumbers = memory
        return memory.address.pointer
    }

    package func add(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>,
        count: Int
    ) throws {
        guard count > 0 else { return }
        try queue.launch(
            kernels.add,
            Launch(
                grid: ((count + 255) / 256, 1, 1), threads: 256,
                arguments: [
                    .int(count), .address(DeviceAddress(left)), .address(DeviceAddress(right)),
                    .address(DeviceAddress(sum)),
                ]))
    }
}

extension DeviceAddress {
    /// An address of the device as the contract of shards has it.
    init(_ pointer: UnsafeRawPointer) {
        self.init(bits: UInt64(UInt(bitPattern: pointer)))
    }

    /// The address as the contract of shards has it; the host never reads or writes there.
    var pointer: UnsafeMutablePointer<Float> {
        guard let pointer = UnsafeMutablePointer<Float>(bitPattern: UInt(bits)) else {
            preconditionFailure("no memory begins at the null address")
        }
        return pointer
    }
}
