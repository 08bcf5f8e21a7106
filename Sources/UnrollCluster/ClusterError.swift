import UnrollBase

/// Why processes cannot compute together, or no longer.
public enum ClusterError: UnrollError, Equatable {
    /// A launcher started this process as one of several, and no library of its kind can be loaded.
    case noLibrary(launcher: String, tried: [String], reason: String)
    /// A launcher started this process as one of several that have no way to find each other.
    case noProcessManager(launcher: String, started: Int)
    /// A library was loaded that is not the launcher's: it knows of another number of processes.
    case otherLauncher(library: String, version: String, started: Int, known: Int)
    /// A library was loaded that is too old for the launcher.
    case otherRelease(library: String, version: String, launcher: String)
    /// A function of the library has failed.
    case failed(library: String, version: String, function: String, reason: String)
    /// Another process no longer answers. The host is empty where it is not known.
    case lost(process: Int, host: String, seconds: Double)
    /// Another process has said that it cannot go on.
    case ended(process: Int, host: String, reason: String)
    /// A message is to go to a process that is not there, or to this one, or to come from there.
    case noSuchProcess(process: Int, size: Int)
    /// More bytes are to be given to all processes than that is meant for.
    case tooLong(bytes: UInt64, maximum: Int)

    /// One line for people.
    public var description: String {
        switch self {
        case .noLibrary(let launcher, let tried, let reason):
            "\(launcher) started this as one of several processes, but its MPI library cannot be loaded "
                + "(\(tried.joined(separator: ", "))): \(reason)"
        case .noProcessManager(let launcher, let started):
            "\(launcher) started this as one of \(started) processes, but without a process manager interface (PMI) by "
                + "which MPI finds the others"
        case .otherLauncher(let library, let version, let started, let known):
            "the launcher has started \(started) processes, but \(library) (\(version)) knows of \(known): it belongs to "
                + "another launcher"
        case .otherRelease(let library, let version, let launcher):
            "\(launcher) started this process, but \(library) (\(version)) is too old for it"
        case .failed(let library, let version, let function, let reason):
            "\(function) of \(library) (\(version)) failed: \(reason)"
        case .lost(let process, let host, let seconds):
            "process \(process)\(Self.place(host)) has not answered for \(NumberFormat.significant(seconds, digits: 2)) seconds"
        case .ended(let process, let host, let reason):
            "process \(process)\(Self.place(host)): \(EscapedText.line(reason))"
        case .noSuchProcess(let process, let size):
            "process \(process) is not another one of the \(size) processes"
        case .tooLong(let bytes, let maximum):
            "\(bytes) bytes are too many to be given to all processes; at most \(maximum) are"
        }
    }

    private static func place(_ host: String) -> String {
        host.isEmpty ? "" : " on \(EscapedText.line(host))"
    }

    /// Whether a process is the one that tells people of an error that has ended the group in all of them.
    ///
    /// That is the one that has ended it, number 0 if another is lost, and number 1 if that is number 0. What only one
    /// process can know, it tells.
    ///
    /// - Parameter rank: The process.
    /// - Returns: Whether it tells.
    public func isReported(by rank: Int) -> Bool {
        switch self {
        case .ended(let process, _, _): rank == process
        case .lost(process: 0, _, _): rank == 1
        case .lost: rank == 0
        default: true
        }
    }
}
