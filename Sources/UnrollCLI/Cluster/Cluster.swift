import ArgumentParser
import Foundation
import Synchronization
import Unroll
import UnrollBase
import UnrollCUDA
import UnrollCluster
import UnrollKernels

/// The processes that `mpirun` or `srun` has started together with this one, and how they begin and end.
///
/// Number 0 does what a program alone does: it reads, prints and saves. The others are silent, and compute with it; commands
/// that have nothing to share out are number 0's alone.
enum Cluster {
    /// A command whose work is shared out.
    protocol Member {}

    private static let environment = ProcessInfo.processInfo.environment
    private static let launcher = Launcher.current(environment: environment)
    private static let state = Mutex(State())

    private struct State {
        var group: MPIProcessGroup?
        /// The processors of this process's own.
        var threads: Int?
        /// The folder with the checkpoints of the run that goes on; nil as long as there is none.
        var folder: String?
        /// Whether the end of the group has been told, or there is nothing to tell of it.
        var isReported = false
    }

    /// Whether this process prints and saves: whether it is number 0, or alone.
    static let isFirst = (launcher?.rank ?? 0) == 0

    /// Whether there are no other processes.
    static let isAlone = launcher == nil

    /// The processes; nil for this one alone.
    static var group: (any ProcessGroup)? { state.withLock(\.group) }

    /// Threads for this process where none was given; nil for as many as there are processors.
    static var threads: Int? { state.withLock(\.threads) }

    /// The GPU for this process where none was given: those of a machine are shared out.
    static var device: Int {
        // That there is none is found where it is opened.
        (try? CUDAEngine.device(ofLocalRank: launcher?.localRank ?? 0)) ?? 0
    }

    // MARK: Beginning

    /// Joins the other processes, if there are any.
    ///
    /// - Throws: `ClusterError`; a failure when they are of other versions of the program, or have other options.
    static func join() throws {
        guard let launcher else { return }
        let group = try MPIProcessGroup(
            launcher, environment: environment,
            // Said before it is started, as a library that cannot be may end the process without another word of ours.
            found: { Standard.error.say("\(launcher.size) processes by \($0.version), \($0.name)") }
        ) { error in
            // Another process has failed. What this one does cannot be of use any more.
            Thread.sleep(forTimeInterval: 0.2)
            report(error, by: launcher.rank)
            ProcessSettings.exitAtOnce(exitCode(for: error))
        }
        state.withLock { $0.group = group }
        try ProcessStart.current.checkAgreement(in: group)
        let threads = try sharedThreads(in: group)
        state.withLock { $0.threads = threads }
    }

    /// The processors that are left for each of the processes that may use the same ones.
    private static func sharedThreads(in group: MPIProcessGroup) throws(ClusterError) -> Int {
        let place = "\(SystemInfo.hostName)\n\(ProcessSettings.allowedProcessors)"
        let places = try group.gather(Array(place.utf8))
        let sharers = places.count { $0 == places[group.rank] }
        return max(1, WorkerPool.processorCount / sharers)
    }

    // MARK: Ending

    /// Notes where a run goes on from if the group ends before it does.
    static func keepsRun(in folder: String) {
        state.withLock { $0.folder = folder }
    }

    /// Waits for the other processes, after which each may end.
    static func leave() throws {
        let group = state.withLock { state in
            defer { state.group = nil }
            // What happens now concerns this process alone.
            state.isReported = true
            return state.group
        }
        try group?.close()
    }

    /// Ends this process after an error, and with it all others; returns where it is alone.
    static func end(_ failure: Failure, by error: any Error) {
        guard let group = state.withLock(\.group) else { return tellAlone(failure) }
        if let error = error as? ClusterError {
            report(error, by: group.rank)
        } else {
            // Where all have found the same, the first is to say so.
            if !isFirst { Thread.sleep(forTimeInterval: 0.3) }
            if group.failure == nil {
                let place = isFirst ? "" : "process \(group.rank) on \(SystemInfo.hostName): "
                let wayOut = isFirst ? "" : wayOut
                tell("\(place)\(failure.message ?? "failed")\(wayOut)")
                // With its exit code, as a launcher ends with that of whichever process ends first.
                group.end(because: "\(failure.exitCode) \(failure.message ?? "failed")")
            }
        }
        // Launchers end the others when the first process ends: it is the one that tells most.
        if !isFirst { Thread.sleep(forTimeInterval: 1) }
        ProcessSettings.exitAtOnce((error as? ClusterError).map(exitCode) ?? failure.exitCode)
    }

    /// The exit code where the group has ended: that of the process that has ended it.
    private static func exitCode(for error: ClusterError) -> Int32 {
        guard case .ended(_, _, let reason) = error, let code = Int32(reason.prefix { $0 != " " }) else {
            return 1
        }
        return code
    }

    /// Says why this process cannot join the others, if it is to: machines differ in their libraries and programs, so that
    /// one process of each does, in case the first has not found the same.
    private static func tellAlone(_ failure: Failure) {
        guard !isFirst, failure.exitCode != 0, !state.withLock(\.isReported),
            let launcher
        else { return }
        // Launchers end the others when a process ends: if the first has something to say, it is to have said so.
        Thread.sleep(forTimeInterval: 1)
        guard launcher.reportsStart, let message = failure.message else { return }
        tell("process \(launcher.rank) on \(SystemInfo.hostName): \(message)")
    }

    private static func report(_ error: ClusterError, by rank: Int) {
        if error.isReported(by: rank) { tell(error.description + wayOut) }
    }

    /// How a run that has begun goes on, as the end of a message.
    private static var wayOut: String {
        let folder = state.withLock(\.folder)
        return folder.map { "; go on from the last checkpoint with: unroll train --resume \(Shell.path($0))" }
            ?? ""
    }

    /// Says once why all end, whichever process this is.
    private static func tell(_ message: String) {
        let isFirstTime = state.withLock { state in
            defer { state.isReported = true }
            return !state.isReported
        }
        if isFirstTime { Failure(message).say() }
    }
}
