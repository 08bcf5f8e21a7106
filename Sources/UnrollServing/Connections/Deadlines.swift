#if Serving
import Synchronization

/// The deadlines of many requests, which one task looks after, four times a second.
///
/// A task that sleeps keeps its timer until its time is over, even if it is canceled before. With one for each request, the
/// timers of requests that are long done would take more memory than everything else.
final class Deadlines: Sendable {
    private struct Entry {
        let instant: ContinuousClock.Instant
        let act: @Sendable () -> Void
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var count = 0
        var isWatched = false
    }

    private static let period = Duration.milliseconds(250)

    private let state = Mutex(State())

    /// Calls a function after some seconds, unless the deadline is removed before.
    ///
    /// - Parameters:
    ///   - seconds: The seconds.
    ///   - act: The function; it must be quick.
    /// - Returns: A number to remove the deadline by.
    func add(after seconds: Int, _ act: @escaping @Sendable () -> Void) -> Int {
        let (number, starts) = state.withLock { state in
            state.count += 1
            state.entries[state.count] = Entry(instant: .now + .seconds(seconds), act: act)
            defer { state.isWatched = true }
            return (state.count, !state.isWatched)
        }
        if starts { Task.detached { await self.watch() } }
        return number
    }

    /// Forgets a deadline.
    func remove(_ number: Int) {
        state.withLock { $0.entries[number] = nil }
    }

    /// Looks after the deadlines until there are none.
    private func watch() async {
        while true {
            let due = state.withLock { state -> [Entry]? in
                guard !state.entries.isEmpty else {
                    state.isWatched = false
                    return nil
                }
                let now = ContinuousClock.now
                let due = state.entries.filter { $0.value.instant <= now }
                for number in due.keys { state.entries[number] = nil }
                return Array(due.values)
            }
            guard let due else { return }
            for entry in due { entry.act() }
            try? await Task.sleep(for: Self.period)
        }
    }
}
#endif
