/// Where gradients lie, and what adds them there: the machine's memory, or that of a device, whose addresses the machine
/// cannot read.
package protocol SumMemory: AnyObject {
    /// Makes memory for numbers that are received and then added.
    ///
    /// - Returns: Where it is; valid as long as this object, or until it is asked for other.
    /// - Throws: What the machine lacks.
    func makeReceivedNumbers(_ count: Int) throws -> UnsafeMutablePointer<Float>

    /// Adds numbers, element by element: the same bits wherever and by whatever number of threads it is done.
    ///
    /// The sum may take the place of either.
    func add(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>,
        count: Int) throws
}

/// The machine's memory, and one thread.
package final class HostMemory: SumMemory {
    private var received = UnsafeMutableBufferPointer<Float>(start: nil, count: 0)

    package init() {}

    deinit {
        received.deallocate()
    }

    package func makeReceivedNumbers(_ count: Int) -> UnsafeMutablePointer<Float> {
        received.deallocate()
        let numbers = UnsafeMutablePointer<Float>.allocate(capacity: max(1, count))
        received = UnsafeMutableBufferPointer(start: numbers, count: max(1, count))
        return numbers
    }

    package func add(
        _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>,
        count: Int
    ) {
        for index in 0..<count { sum[index] = left[index] + right[index] }
    }
}
