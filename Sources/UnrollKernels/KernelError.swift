/// What the machine refuses: instructions that the processor lacks, memory or threads that the system has not.
public enum KernelError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The processor lacks an instruction set that was asked for.
    case unavailable(String, Precision, available: [String])
    /// No pool can have so many threads.
    case invalidThreadCount(Int)
    /// The operating system gave no memory or no threads.
    case outOfResources(String)

    /// One line that names the thing and the way out.
    public var description: String {
        switch self {
        case .unavailable(let name, let precision, let available):
            "this processor has no '\(name)' kernels for \(precision.rawValue); available: \(available.joined(separator: ", "))"
        case .invalidThreadCount(let count):
            "the number of threads (--threads) is \(count) but must be within \(WorkerPool.threadCounts)"
        case .outOfResources(let what):
            "the operating system gave no \(what)"
        }
    }
}
