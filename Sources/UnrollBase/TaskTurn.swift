/// How long a task has computed without waiting, so that it can give others a turn.
///
/// All tasks share as many threads as there are processors. On a machine of two, two tasks that compute and never wait keep
/// both, and no other task runs: not even the one that would cancel them.
package struct TaskTurn: Sendable {
    private static let length = Duration.milliseconds(10)

    private var start = ContinuousClock.now

    /// Begins the first turn.
    package init() {}

    /// Whether the turn is over, which begins the next one; the task then calls `Task.yield()`.
    package mutating func isOver() -> Bool {
        let now = ContinuousClock.now
        guard start.duration(to: now) >= Self.length else { return false }
        start = now
        return true
    }
}
