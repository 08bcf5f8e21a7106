import Foundation
import Synchronization
import UnrollBase

/// What the program does about signals that ask it to end.
///
/// A hangup, Ctrl-C and a polite kill (SIGHUP, SIGINT, SIGTERM) cancel the work that saves what it has done, if such work
/// goes on. The program then ends with the code that a shell reports for the signal. Everything else, and a second signal,
/// ends it at once, as by default, but for its temporary files, which are removed. Those are also removed when Ctrl-\
/// (SIGQUIT) or a closed pipe (SIGPIPE) ends the program.
enum Interruption {
    private struct State {
        var cancelWork: (@Sendable () -> Void)?
        /// The signal that has canceled the work.
        var signal: Int32?
    }

    private static let state = Mutex(State())

    /// The exit code of a program that such a signal has ended: 129, 130 or 143; of several processes together 130, as
    /// signals may differ and not all have got one.
    static var exitCode: Int32 { 128 + (Cluster.isAlone ? state.withLock(\.signal) ?? SIGINT : SIGINT) }

    /// Begins to act on signals.
    static func handleSignals() {
        EndingSignals.handle { number in
            let cancelWork = state.withLock { state -> (@Sendable () -> Void)? in
                guard state.signal == nil, number != SIGQUIT, number != SIGPIPE else { return nil }
                if state.cancelWork != nil { state.signal = number }
                return state.cancelWork
            }
            guard let cancelWork else { EndingSignals.endProcess(by: number) }
            cancelWork()
        }
    }

    /// Returns what the work returns; the first signal asks it to stop, and a second one ends the program at once.
    static func stopping<Result>(
        by stop: @escaping @Sendable () -> Void, _ work: () async throws -> Result
    ) async throws -> Result {
        state.withLock { $0.cancelWork = stop }
        defer { state.withLock { $0.cancelWork = nil } }
        return try await work()
    }

    /// Returns what the work returns; the first signal cancels it.
    static func cancelling<Result: Sendable>(
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let task = state.withLock { state in
            // A signal that comes now waits for the lock: the work may be interrupted at its first sign of life.
            let task = Task { try await work() }
            state.cancelWork = { task.cancel() }
            return task
        }
        defer { state.withLock { $0.cancelWork = nil } }
        return try await task.value
    }
}
