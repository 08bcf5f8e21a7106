import Foundation
import UnrollBase

/// The processes that a launcher of MPI has started together.
///
/// There is one group in a process, and one run of it: MPI cannot be started a second time. The group ends in one of these
/// ways:
///
/// - ``close()`` in all processes, after which each of them may exit with any code.
/// - ``end(because:)`` in one of them, or one that is lost. Exchanges then throw in all of them, and the handler of failures
///   is called; MPI is left as it is, as ending it would wait for the others. The process is to exit soon, with a code other
///   than 0: messages that were on the way may still change the memory that they were for.
package final class MPIProcessGroup: ProcessGroup {
    /// This process.
    package let rank: Int
    /// The number of processes.
    package let size: Int
    /// This process among those of its machine.
    package var localRank: Int { launcher.localRank ?? 0 }
    /// What has started the processes.
    package let launcher: Launcher

    private let session: MPISession
    private let watch: MPIWatch

    /// Joins the processes that a launcher has started; each of them must.
    ///
    /// Open MPI ends the process by itself, with a page of text, if it cannot be started. What is found before can be told
    /// then, so that people know which library that was.
    ///
    /// - Parameters:
    ///   - launcher: What has started them, as `Launcher.current(environment:)` tells.
    ///   - environment: The environment variables; `UNROLL_MPI` is the path or name of a library to take in place of the
    ///     launcher's.
    ///   - times: How soon a silent process is lost.
    ///   - announce: Called with the library that was found, before it is started.
    ///   - handler: Called once, on a thread of its own, when the group has ended for a reason that this process has not
    ///     given. It may end the process.
    /// - Throws: `ClusterError.noProcessManager`, `.noLibrary`, `.otherRelease`, `.otherLauncher` or `.failed`.
    package init(
        _ launcher: Launcher, environment: [String: String], times: LivenessTimes = LivenessTimes(),
        found announce: (MPILibrary) -> Void = { _ in },
        onFailure handler: @escaping @Sendable (ClusterError) -> Void
    ) throws(ClusterError) {
        self.launcher = launcher
        watch = MPIWatch(times: times, onFailure: handler)
        do throws(ClusterError) {
            guard launcher.hasProcessManager else {
                throw .noProcessManager(launcher: launcher.name, started: launcher.size)
            }
            let library = try MPILibrary(for: launcher, environment: environment)
            announce(library)
            session = try watch.start(library, launcher: launcher)
        } catch {
            if !launcher.reportsStart { Thread.sleep(forTimeInterval: times.precedence.inSeconds) }
            throw error
        }
        rank = session.rank
        size = session.size
    }

    /// The library by which the processes speak.
    package var library: MPILibrary { session.library }

    /// Why the group has ended, for a program that is in the middle of other work; nil while it lives.
    package var failure: ClusterError? { watch.failure }

    package func exchange(_ transfers: [Transfer]) throws(ClusterError) {
        for transfer in transfers where transfer.peer == rank || !(0..<size).contains(transfer.peer) {
            throw .noSuchProcess(process: transfer.peer, size: size)
        }
        if watch.hasFailed { throw watch.endOfGroup() }
        if watch.isClosed {
            throw .failed(
                library: library.name, version: library.version, function: "exchange",
                reason: "the group is closed")
        }
        let pieces = transfers.flatMap(Self.pieces)
        do throws(ClusterError) {
            try exchange(pieces: pieces)
        } catch {
            throw watch.fail(error)
        }
        if watch.hasFailed { throw watch.endOfGroup() }
    }

    /// Sends and receives, until all is done or the group has ended.
    private func exchange(pieces: [Transfer]) throws(ClusterError) {
        let stride = session.library.interface.handleSize
        let requests = UnsafeMutableRawPointer.allocate(byteCount: pieces.count * stride, alignment: 8)
        let places = UnsafeMutableBufferPointer<Int32>.allocate(capacity: pieces.count)
        let statusBytes = pieces.count * session.library.interface.status.size
        let statuses = UnsafeMutableRawPointer.allocate(byteCount: statusBytes, alignment: 8)
        statuses.initializeMemory(as: UInt8.self, repeating: 0, count: statusBytes)
        defer {
            requests.deallocate()
            places.deallocate()
            statuses.deallocate()
        }
        try session.exclusively { () throws(ClusterError) in
            for (index, piece) in pieces.enumerated() {
                try session.start(
                    piece.direction, piece.peer, piece.bytes, on: session.work,
                    request: requests + index * stride)
            }
        }
        var remaining = pieces.count
        var backoff = Backoff()
        while remaining > 0, !watch.hasFailed {
            let count = try session.exclusively { () throws(ClusterError) in
                try session.countDone(requests, places, statuses)
            }
            remaining -= count
            // What is on its way is not to wait for a thread that sleeps.
            if count > 0 { backoff = Backoff() } else { backoff.wait() }
        }
    }

    /// The bytes of a piece: many times what a call of MPI costs, and well below what it can count.
    private static let pieceBytes = 1 << 20

    /// A message in pieces that arrive one after the other.
    private static func pieces(of transfer: Transfer) -> [Transfer] {
        let bytes = transfer.bytes
        guard bytes.count > pieceBytes else { return [transfer] }
        return stride(from: 0, to: bytes.count, by: pieceBytes).map { start in
            let end = min(start + pieceBytes, bytes.count)
            return Transfer(
                transfer.direction, transfer.peer, UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end])
            )
        }
    }

    package func end(because reason: String) {
        watch.end(because: reason)
    }

    /// Waits for all processes and ends MPI; the group is of no more use.
    ///
    /// Each process may exit with any code then. If that is not 0, some launchers kill the others, so what they have to do
    /// is to be done before.
    ///
    /// - Throws: `ClusterError`; the process may exit all the same.
    package func close() throws(ClusterError) {
        try barrier()
        try watch.close()
    }
}
