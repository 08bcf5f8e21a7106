/// How long a task has computed without waiting, so that it can give others a turn.
///
/// All tasks share as many threads as there are processors. On a machine of two, two tasks that compute and never wait keep
/// both, and no other task runs: not even the one that would cancel them.
package struct TaskTurn: Sendable {
    private let length: Duration
    private var start = ContinuousClock.now

    /// Begins the first turn of this length.
    package init(length: Duration = .milliseconds(10)) {
        self.length = length
    }

    /// Whether the turn is over, which begins the next one; the task then calls `Task.yield()`.
    package mutating func isOver() -> Bool {
        let now = ContinuousClock.now
        guard start.duration(to: now) >= length else { return false }
        start = now
        return true
    }
}
