import UnrollCluster
import UnrollText

/// An engine whose steps can be taken apart: gradients, which are added elsewhere, and the update by their sum.
///
/// That is what a step of several shards needs (``ShardedEngine``). Gradients lie in memories that the engine makes and
/// numbers, in a layout of its own, and where it computes: their addresses may be those of a device.
package protocol GradientEngine: Engine, SumMemory {
    /// Numbers of a gradient, padding included.
    var gradientSize: Int { get }

    /// Makes memory for a number of gradients, each with room for `extra` numbers behind it that are added with it.
    ///
    /// - Returns: Where they are; valid as long as the engine, or until it is asked for others.
    /// - Throws: What the engine's machine lacks.
    func makeGradients(_ count: Int, extra: Int) throws -> [UnsafeMutablePointer<Float>]

    /// The same processes as a group that exchanges what is in this engine's memory.
    ///
    /// Default: the group itself, for engines that compute in the machine's memory.
    func group(reaching group: any ProcessGroup) throws -> any ProcessGroup

    /// Writes a shard's part of the gradient of the mean loss over its whole minibatch into a memory.
    ///
    /// The recurrent state goes on.
    ///
    /// - Returns: The summed loss over the shard, in nats.
    /// - Throws: As ``Engine/train(on:with:randomness:)``.
    func computeGradient(
        on shard: Minibatch, randomness: StepRandomness?, into index: Int
    ) throws -> Double

    /// Makes all numbers of a memory zero: the gradient of no tokens.
    func clearGradient(_ index: Int) throws

    /// Writes the numbers behind a gradient.
    func setExtraNumbers(_ numbers: [Float], ofGradient index: Int) throws

    /// The numbers behind a gradient.
    func extraNumbers(ofGradient index: Int) throws -> [Float]

    /// Clips a gradient and updates the parameters by it, unless it or the loss is not finite.
    ///
    /// - Parameters:
    ///   - index: The memory of the gradient.
    ///   - meanLoss: The mean loss over the whole minibatch, in nats.
    ///   - optimizer: How the gradient becomes an update.
    /// - Returns: The loss, and the norm of the gradient.
    /// - Throws: As ``Engine/train(on:with:randomness:)``.
    func update(with index: Int, meanLoss: Double, optimizer: Optimizer) throws -> StepResult
}

extension GradientEngine {
    package func group(reaching group: any ProcessGroup) throws -> any ProcessGroup { group }
}
