import Foundation

/// Waiting for something that can only be asked for, such as a message: soon at first, with less and less of a processor.
///
/// Each wait is followed by a question. A processor is given to other threads after some microseconds, and left alone for a
/// sixteenth of the time waited so far after a millisecond, so that the answer is never late by more than that.
package struct Backoff {
    /// How long to ask without a pause.
    private static let spinning = Duration.microseconds(20)
    /// How long, from the start, to do no more than to let others run in between.
    private static let yielding = Duration.milliseconds(1)
    /// The longest pause.
    private static let longestPause = Duration.microseconds(500)

    private let start = SuspendingClock.now

    /// Starts the wait.
    package init() {}

    /// Waits until it is time to ask again.
    package func wait() {
        let waited = start.duration(to: .now)
        if waited < Self.spinning { return }
        if waited < Self.yielding {
            sched_yield()
        } else {
            Self.pause(min(waited / 16, Self.longestPause))
        }
    }

    /// Lets another thread run, if one waits for this processor.
    package static func yield() {
        sched_yield()
    }

    /// Stops the current thread.
    private static func pause(_ duration: Duration) {
        var time = timespec(tv_sec: 0, tv_nsec: Int(duration / .nanoseconds(1)))
        nanosleep(&time, nil)
    }
}
