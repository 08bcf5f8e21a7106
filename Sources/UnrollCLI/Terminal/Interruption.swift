import Dispatch
import Foundation

/// Runs work that Ctrl-C, or a polite kill, cancels instead of ending the process.
enum Interruption {
    /// Returns what the work returns; the first signal cancels it, a second one ends the process as usual.
    static func cancelling<Result: Sendable>(
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let signals = [SIGINT, SIGTERM]
        let registration = DispatchGroup()
        for _ in signals { registration.enter() }
        let task = Task {
            // The work may be interrupted as soon as it shows, so the sources have to be there before.
            await withCheckedContinuation { ready in
                registration.notify(queue: .global()) { ready.resume() }
            }
            return try await work()
        }
        let sources = signals.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setRegistrationHandler { registration.leave() }
            source.setEventHandler {
                signal(number, SIG_DFL)
                task.cancel()
            }
            source.resume()
            return source
        }
        defer {
            for source in sources { source.cancel() }
            for number in signals { signal(number, SIG_DFL) }
        }
        return try await task.value
    }
}
