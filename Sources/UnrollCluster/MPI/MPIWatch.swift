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
        /// What they are told.
        var session: Result<MPISession, ClusterError>?
        var failure: ClusterError?
        var finalizing: SuspendingClock.Instant?
        var closing: Result<Void, ClusterError>?
    }

    private let state = Mutex(State())
    private let failed = Atomic(false)
    private let silent = Atomic(false)
    private let closed = Atomic(false)
    private let times: LivenessTimes
    private let handler: FailureHandler

    /// A watch that is to be started.
    init(times: LivenessTimes, onFailure handler: @escaping FailureHandler) {
        self.times = times
        self.handler = handler
    }

    /// Starts MPI, and to watch.
    ///
    /// - Throws: What `MPISession.init` throws; `ClusterError.failed` if not all processes start in time.
    func start(_ library: MPILibrary, launcher: Launcher) throws(ClusterError) -> MPISession {
        // MPI wants to be ended by the thread that has started it, and the program's tasks have no threads of their own.
        let thread = Thread { [self] in
            let session = Result { () throws(ClusterError) in try MPISession(library, launcher: launcher) }
            state.withLock { $0.session = session }
            if case .success(let session) = session { watch(session) }
        }
        thread.name = "MPI"
        thread.start()
        // A process that ends before it has joined is not noticed by every launcher, and MPI would wait for it.
        let (backoff, deadline) = (Backoff(), SuspendingClock.now + times.start)
        while SuspendingClock.now < deadline {
            if let session = state.withLock({ $0.session }) { return try session.get() }
            backoff.wait()
        }
        throw .failed(
            library: library.name, version: library.version, function: "MPI_Init_thread",
            reason:
                "not all of the \(launcher.size) processes have started in \(times.start.inSeconds) seconds")
    }

    /// Whether the group has ended; nothing is to be asked of MPI then.
    var hasFailed: Bool { failed.load(ordering: .acquiring) }

    /// Whether MPI has ended or is about to.
    var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// Why the group has ended; nil while it lives.
    var failure: ClusterError? { state.withLock { $0.failure } }

    /// Ends the group for a reason of this process, unless it has ended, and returns when the others know.
    ///
    /// If another thread hangs in MPI, the others find that this process is lost, and this returns soon all the same.
    func end(because reason: String) {
        guard !isClosed else { return }
        state.withLock { $0.reason = $0.reason ?? reason }
        let (backoff, deadline) = (Backoff(), SuspendingClock.now + times.farewell * 2)
        while !silent.load(ordering: .acquiring), SuspendingClock.now < deadline { backoff.wait() }
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

    /// Ends MPI, as all processes have nothing more to say to each other; more calls have no effect.
    ///
    /// MPICH 4 over TCP may wait forever for processes that wait as well. As everything is done by then, MPI is left alone if
    /// it takes too long.
    ///
    /// - Throws: `ClusterError`, if the group ends before.
    func close() throws(ClusterError) {
        closed.store(true, ordering: .releasing)
        let backoff = Backoff()
        while true {
            let (start, result) = state.withLock { ($0.finalizing, $0.closing) }
            if let result { return try result.get() }
            if let start, start.duration(to: .now) > times.finalizing { return }
            if hasFailed { throw endOfGroup() }
            backoff.wait()
        }
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
            var notices = try session.exclusively { () throws(ClusterError) in
                try MPINotices(session, peers: liveness.peerRanks)
            }
            while true {
                let (reason, error) = state.withLock { ($0.reason, $0.error) }
                if isClosed { liveness.leave() }
                if let reason { liveness.end(because: reason) }
                if let error { liveness.fail(error) }
                try session.exclusively(isUrgent: true) { () throws(ClusterError) in
                    try Self.exchange(&notices, &liveness, at: start.duration(to: .now))
                }
                publish(liveness)
                if liveness.isSilent { return silence(session) }
                if liveness.hasLeft { return close(session, notices) }
                Thread.sleep(forTimeInterval: times.poll.inSeconds)
            }
        } catch {
            liveness.fail(error)
            publish(liveness)
            silence(session)
        }
    }

    private static func exchange(
        _ notices: inout MPINotices, _ liveness: inout Liveness, at time: Duration
    ) throws(ClusterError) {
        while let notice = try notices.next() { liveness.receive(notice) }
        if let notice = liveness.advance(to: time, hasSent: try notices.hasSent()) {
            try notices.send(notice)
        }
    }

    private func publish(_ liveness: borrowing Liveness) {
        guard let failure = liveness.failure else { return }
        state.withLock { $0.failure = $0.failure ?? failure }
        failed.store(true, ordering: .releasing)
    }

    /// Leaves MPI as it is, and hands out why.
    private func silence(_ session: MPISession) {
        let (reason, failure) = state.withLock { ($0.reason, $0.failure) }
        guard let failure else { return }
        // MPI is not called meanwhile, and nowhere when the first one goes: it would print that others have gone.
        let pause = failure.isReported(by: session.rank) ? times.poll * 3 : times.precedence
        Thread.sleep(forTimeInterval: pause.inSeconds)
        silent.store(true, ordering: .releasing)
        if reason == nil { handler(failure) }
    }

    private func close(_ session: MPISession, _ notices: borrowing MPINotices) {
        state.withLock { $0.finalizing = .now }
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
