import UnrollCluster
import UnrollKernels
import UnrollText

/// Gradients are exchanged in single precision, tensor after tensor, and computed in double.
extension ReferenceEngine: GradientEngine {
    package var gradientSize: Int { weights.tensors.reduce(0) { $0 + $1.count } }

    package func makeGradients(_ count: Int, extra: Int) throws -> [UnsafeMutablePointer<Float>] {
        shardGradients = try (0..<count).map { _ in try AlignedBuffer(count: gradientSize + extra) }
        return shardGradients.map(\.base)
    }

    package func computeGradient(
        on shard: Minibatch, randomness: StepRandomness?, into index: Int
    ) throws -> Double {
        let (loss, gradients) = try advance(over: shard, randomness)
        for (place, number) in gradients.tensors.joined().enumerated() {
            shardGradients[index].base[place] = Float(number)
        }
        return loss
    }

    package func clearGradient(_ index: Int) {
        shardGradients[index].base.update(repeating: 0, count: shardGradients[index].count)
    }

    package func setExtraNumbers(_ numbers: [Float], ofGradient index: Int) {
        for (offset, number) in numbers.enumerated() {
            shardGradients[index].base[gradientSize + offset] = number
        }
    }

    package func extraNumbers(ofGradient index: Int) -> [Float] {
        (gradientSize..<shardGradients[index].count).map { shardGradients[index].base[$0] }
    }

    package func update(with index: Int, meanLoss: Double, optimizer: Optimizer) throws -> StepResult {
        try optimizer.check()
        var place = shardGradients[index].base
        let gradients = weights.tensors.map { tensor in
            defer { place += tensor.count }
            return UnsafeBufferPointer(start: place, count: tensor.count).map(Double.init)
        }
        return update(with: gradients, meanLoss: meanLoss, optimizer)
    }

    package func makeReceivedNumbers(_ count: Int) -> UnsafeMutablePointer<Float> {
        sumMemory.makeReceivedNumbers(count)
    }

    package func add(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        sumMemory.add(left, right, to: sum, count: count)
    }
}
