/// Why processes cannot compute together, or no longer.
public enum ClusterError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A launcher started this process as one of several, and no library of its kind can be loaded.
    case noLibrary(launcher: String, tried: [String], reason: String)
    /// A library was loaded that is not the launcher's: it knows of another number of processes.
    case otherLauncher(library: String, version: String, started: Int, known: Int)
    /// A function of the library has failed.
    case failed(library: String, version: String, function: String, reason: String)
    /// Another process no longer answers.
    case lost(process: Int, host: String, seconds: Double)
    /// Another process has said that it cannot go on.
    case ended(process: Int, host: String, reason: String)

    /// One line for people.
    public var description: String {
        switch self {
        case .noLibrary(let launcher, let tried, let reason):
            "\(launcher) started this as one of several processes, but its MPI library cannot be loaded "
                + "(\(tried.joined(separator: ", "))): \(reason)"
        case .otherLauncher(let library, let version, let started, let known):
            "the launcher has started \(started) processes, but \(library) (\(version)) knows of \(known): it belongs to "
                + "another launcher"
        case .failed(let library, let version, let function, let reason):
            "\(function) of \(library) (\(version)) failed: \(reason)"
        case .lost(let process, let host, let seconds):
            "process \(process) on \(host) has not answered for \(seconds) seconds"
        case .ended(let process, let host, let reason):
            "process \(process) on \(host): \(reason)"
        }
    }
}
