/// How often processes of a group tell each other that they live, and how soon one that is silent is lost.
package struct LivenessTimes: Sendable {
    /// The time from one sign of life to the next.
    ///
    /// Default: 1 second.
    package var interval: Duration
    /// The silence after which a process is lost.
    ///
    /// Default: 8 seconds.
    package var patience: Duration
    /// The time from one look for notices to the next.
    ///
    /// Default: 50 milliseconds.
    package var poll: Duration
    /// How long a group that ends waits for its notices to arrive.
    ///
    /// Default: 1 second.
    package var farewell: Duration
    /// The time that all processes have to start.
    ///
    /// Default: 60 seconds, which is long for thousands of processes on a busy file system.
    package var start: Duration = .seconds(60)
    /// How long the process that reports why the group has ended goes before the others.
    ///
    /// Launchers kill all processes as soon as one exits with an error. Default: 0.4 seconds.
    package var precedence: Duration
    /// How long MPI may take to end, once all processes are done.
    ///
    /// Default: 3 seconds.
    package var finalizing: Duration

    /// Times, all above 0; `poll` below `interval`, and that below `patience`.
    package init(
        interval: Duration = .seconds(1), patience: Duration = .seconds(8),
        poll: Duration = .milliseconds(50),
        farewell: Duration = .seconds(1), precedence: Duration = .milliseconds(400),
        finalizing: Duration = .seconds(3)
    ) {
        self.interval = interval
        self.patience = patience
        self.poll = poll
        self.farewell = farewell
        self.precedence = precedence
        self.finalizing = finalizing
    }
}

extension Duration {
    /// The duration in seconds.
    var inSeconds: Double { self / .seconds(1) }
}
