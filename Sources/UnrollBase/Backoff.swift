import Foundation

/// Waiting for something that can only be asked for, such as a message: soon at first, with less and less of a processor.
///
/// Each wait is followed by a question. Other threads that wait for the processor may run in between. After a millisecond it
/// is left alone, for a sixteenth of the time waited so far, so that the answer is never late by more than that.
package struct Backoff {
    /// How long not to sleep in between.
    private static let yielding = Duration.milliseconds(1)
    /// The longest pause.
    private static let longestPause = Duration.microseconds(500)

    private let start = SuspendingClock.now

    /// Starts the wait.
    package init() {}

    /// Waits until it is time to ask again.
    package func wait() {
        let waited = start.duration(to: .now)
        if waited < Self.yielding {
            Self.yield()
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
