import Foundation
import Synchronization
import UnrollBase

/// A thread that starts MPI, watches over the group while it works, and ends MPI.
final class MPIWatch: Sendable {
    /// Called once, on a thread of its own, when the group has ended for a reason that this process has not given.
    typealias FailureHandler = @Sendable (ClusterError) -> Void

    private struct State {
        /// What other threads ask of this one.
        var reason: String?
        var error: ClusterError?
        var closes = false
        /// What they are told.
        var session: Result<MPISession, ClusterError>?
        var failure: ClusterError?
        var closing: Result<Void, ClusterError>?
    }

    private let state = Mutex(State())
    private let failed = Atomic(false)
    private let silent = Atomic(false)
    private let times: LivenessTimes
    private let handler: FailureHandler

    /// A watch that is to be started.
    init(times: LivenessTimes, onFailure handler: @escaping FailureHandler) {
        self.times = times
        self.handler = handler
    }

    /// Starts MPI, and to watch.
    ///
    /// - Throws: What `MPISession.init` throws.
    func start(_ library: MPILibrary, launcher: Launcher) throws(ClusterError) -> MPISession {
        // MPI wants to be ended by the thread that has started it, and the program's tasks have no threads of their own.
        let thread = Thread { [self] in
            let session = Result { () throws(ClusterError) in try MPISession(library, launcher: launcher) }
            state.withLock { $0.session = session }
            if case .success(let session) = session { watch(session) }
        }
        thread.name = "MPI"
        thread.start()
        return try wait { $0.session }.get()
    }

    /// Whether the group has ended; nothing is to be asked of MPI then.
    var hasFailed: Bool { failed.load(ordering: .acquiring) }

    /// Why the group has ended; nil while it lives.
    var failure: ClusterError? { state.withLock { $0.failure } }

    /// Ends the group for a reason of this process, unless it has ended, and returns when the others know.
    func end(because reason: String) {
        let isClosed = state.withLock { state in
            state.reason = state.reason ?? reason
            return state.closes
        }
        if !isClosed { _ = endOfGroup() }
    }

    /// Ends the group, as MPI has failed, unless it has ended, and returns why it has when the others know.
    func fail(_ error: ClusterError) -> ClusterError {
        state.withLock { $0.error = $0.error ?? error }
        return endOfGroup()
    }

    /// Why the group has ended, once MPI is at rest and no longer touches memory.
    func endOfGroup() -> ClusterError {
        let backoff = Backoff()
        while !silent.load(ordering: .acquiring) { backoff.wait() }
        return wait { $0.failure }
    }

    /// Ends MPI, once all processes have nothing more to say to each other; more calls have no effect.
    ///
    /// - Throws: `ClusterError.failed`, also if it takes longer than a process may be silent.
    func close(_ session: MPISession) throws(ClusterError) {
        state.withLock { $0.closes = true }
        let (backoff, deadline) = (Backoff(), SuspendingClock.now + times.patience)
        while SuspendingClock.now < deadline {
            if let closing = state.withLock({ $0.closing }) { return try closing.get() }
            backoff.wait()
        }
        throw .failed(
            library: session.library.name, version: session.library.version, function: "MPI_Finalize",
            reason: "not done after \(NumberFormat.significant(times.patience.inSeconds)) seconds")
    }

    private func wait<Value>(for value: (borrowing State) -> Value?) -> Value {
        let backoff = Backoff()
        while true {
            if let value = state.withLock({ value($0) }) { return value }
            backoff.wait()
        }
    }

    /// Looks for notices, sends some and sleeps, until the group ends or is closed.
    private func watch(_ session: MPISession) {
        let start = SuspendingClock.now
        var liveness = Liveness(
            rank: session.rank, size: session.size, host: SystemInfo.hostName, times: times, now: .zero)
        do throws(ClusterError) {
            var notices = try session.exclusively { () throws(ClusterError) in try MPINotices(session) }
            while true {
                let asked = state.withLock { ($0.reason, $0.error, $0.closes) }
                if asked.2 { return close(session, notices) }
                if let reason = asked.0 { liveness.end(because: reason) }
                if let error = asked.1 { liveness.fail(error) }
                try session.exclusively(isUrgent: true) { () throws(ClusterError) in
                    try Self.exchange(&notices, &liveness, at: start.duration(to: .now))
                }
                publish(liveness)
                if liveness.isSilent { return }
                Thread.sleep(forTimeInterval: times.poll.inSeconds)
            }
        } catch {
            liveness.fail(error)
            publish(liveness)
            silence(error)
        }
    }

    private static func exchange(
        _ notices: inout MPINotices, _ liveness: inout Liveness, at time: Duration
    ) throws(ClusterError) {
        while let notice = try notices.next() { liveness.receive(notice) }
        for (peer, notice) in liveness.advance(to: time, hasSent: try notices.hasSent()) {
            try notices.send(notice, to: peer)
        }
    }

    private func publish(_ liveness: borrowing Liveness) {
        guard let failure = liveness.failure else { return }
        state.withLock { $0.failure = $0.failure ?? failure }
        failed.store(true, ordering: .releasing)
        if liveness.isSilent { silence(failure) }
    }

    private func silence(_ failure: ClusterError) {
        silent.store(true, ordering: .releasing)
        let isOwn = state.withLock { $0.reason != nil }
        if !isOwn { handler(failure) }
    }

    private func close(_ session: MPISession, _ notices: borrowing MPINotices) {
        var result = Result<Void, ClusterError>.success(())
        do throws(ClusterError) {
            try session.exclusively(isUrgent: true) { () throws(ClusterError) in
                try notices.stop()
                try session.finalize()
            }
        } catch {
            result = .failure(error)
        }
        state.withLock { $0.closing = result }
    }
}
