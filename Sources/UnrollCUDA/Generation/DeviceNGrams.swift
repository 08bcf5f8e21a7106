import Synchronization
import UnrollModel

/// An n-gram model in a device's memory.
final class DeviceNGrams: Sendable {
    let model: NGramModel
    let weight: Double
    private let memory: DeviceMemory

    /// Copies a model to a device, and waits until it is there.
    ///
    /// - Throws: `CUDAError`, `arrayTooLarge` or `outOfMemory` before anything else if the model is too large.
    init(
        _ model: NGramModel, weight: Double, on device: any Device, by queue: any DeviceQueue
    ) throws(CUDAError) {
        self.model = model
        self.weight = weight
        try CUDAError.requireCountable(Double(model.nodeCount))
        let places = Places(model)
        try device.requireMemory(places.byteCount)
        memory = try DeviceMemory(byteCount: places.byteCount, on: device)
        let tree = model.tree
        try queue.copy([weight], to: memory.address)
        try queue.copy(tree.freed, to: memory.address + places.freed)
        try queue.copy(tree.kept, to: memory.address + places.kept)
        try queue.copy(tree.children, to: memory.address + places.children)
        try queue.copy(tree.tokens, to: memory.address + places.tokens)
        try queue.synchronize()
    }

    /// The greatest length of a sequence.
    var order: Int { model.order }

    /// The kernel's arguments, as `NGrams` of `ngrams.cuh` has them.
    var arguments: [KernelArgument] {
        let places = Places(model)
        return [.int(order)]
            + [0, places.children, places.freed, places.tokens, places.kept].map {
                .address(memory.address + $0)
            }
    }

    /// The same where there is no model.
    static let noArguments: [KernelArgument] = [.int(0)] + Array(repeating: .null, count: 5)

    /// Where the parts begin in bytes: after the weight, numbers in double precision, and then words.
    private struct Places {
        let freed = 8
        let kept, children, tokens, byteCount: Int

        init(_ model: NGramModel) {
            kept = freed + 8 * model.contextCount
            children = kept + 8 * model.nodeCount
            tokens = children + 4 * (model.contextCount + 1)
            byteCount = tokens + 4 * model.nodeCount
        }
    }
}

/// The n-gram model that several engines on one device use, from the first use on.
final class SharedNGrams: Sendable {
    private let latest = Mutex<DeviceNGrams?>(nil)

    /// A model in the device's memory, where it is copied unless it was the last one that was asked for.
    ///
    /// - Throws: As ``DeviceNGrams``.
    func model(
        _ model: NGramModel, weight: Double, on device: any Device, by queue: any DeviceQueue
    ) throws(CUDAError) -> DeviceNGrams {
        try latest.withLock { latest throws(CUDAError) in
            // Copies of one model are found to be equal at once, by their arrays' addresses.
            if let latest, latest.weight == weight, latest.model == model { return latest }
            latest = nil
            let new = try DeviceNGrams(model, weight: weight, on: device, by: queue)
            latest = new
            return new
        }
    }
}
