/// Which processes of a group live, as one of them sees it: no more than rules, without messages, threads and clocks.
///
/// Every process and number 0 tell each other once in an interval that they live. Number 0 finds that another one has been
/// silent for too long and tells all; each of the others finds that of number 0 by itself. A process that cannot go on tells
/// number 0, which tells all. So what ends a group reaches each process in two messages at most, and number 0 of thousands
/// of processes has thousands of messages to send in a second, which it can.
///
/// Silence is counted in the time that this process itself could run: one that was stopped for a minute, as a whole group is
/// by Ctrl-Z, does not take the others for lost when it goes on.
package struct Liveness {
    private let rank: Int
    private let host: String
    private let times: LivenessTimes

    /// Why the group has ended, which stays as it first was; nil while it lives.
    package private(set) var failure: ClusterError?
    /// Whether all have been told of the failure that this process must tell, so that it has nothing more to say or hear.
    package private(set) var isSilent = false

    private var now: Duration
    /// The time that this process could run.
    private var awake = Duration.zero
    /// When signs of life are to be sent, in the time that counts for silence.
    private var nextBeat = Duration.zero
    /// The processes with which this one speaks.
    package let peerRanks: Range<Int>
    private var peers: [Peer]
    private var failureTime: Duration?
    /// The farewell that is to be sent to the peers.
    private var farewell: Notice.Content?
    private var hasSentFarewell = false
    /// Whether number 0 is to say that the group has ended before this process may fall silent.
    private var waitsForEcho = false
    private var isLeaving = false
    private var hasSaidSo = false
    /// Whether this process and its peers have nothing more to say to each other; MPI can be ended then.
    package private(set) var hasLeft = false

    private struct Peer {
        var host = ""
        var lastHeard = Duration.zero
        var hasLeft = false
    }

    /// The rules for a process.
    ///
    /// - Parameters:
    ///   - rank: This process, in `0..<size`.
    ///   - size: The number of processes.
    ///   - host: The name of its host, for the others.
    ///   - times: How often, and how soon.
    ///   - now: The time, of a clock that starts anywhere.
    package init(rank: Int, size: Int, host: String, times: LivenessTimes, now: Duration) {
        self.rank = rank
        self.host = host
        self.times = times
        self.now = now
        peerRanks = rank == 0 ? 1..<max(size, 1) : 0..<1
        peers = peerRanks.map { _ in Peer() }
    }

    /// Notices what another process says.
    package mutating func receive(_ notice: Notice) {
        guard peerRanks.contains(notice.sender) else { return }
        let index = notice.sender - peerRanks.lowerBound
        peers[index].lastHeard = awake
        peers[index].host = notice.host
        switch notice.content {
        case .alive: break
        case .leaving: peers[index].hasLeft = true
        case .lost(let process, let host, let seconds):
            // To be taken for lost ends this process, too, however well it feels.
            waitsForEcho = false
            fail(.lost(process: process, host: host, seconds: seconds), telling: nil)
        case .ended(let process, let host, let reason):
            waitsForEcho = false
            fail(
                .ended(process: process, host: host, reason: reason),
                telling: rank == 0 ? notice.content : nil)
        }
    }

    /// Ends the group, as this process cannot go on; more calls have no effect.
    package mutating func end(because reason: String) {
        guard failure == nil else { return }
        waitsForEcho = rank != 0
        fail(
            .ended(process: rank, host: host, reason: reason),
            telling: .ended(process: rank, host: host, reason: reason))
    }

    /// Ends what this process says, as all processes are done; its peers do the same.
    package mutating func leave() { isLeaving = true }

    /// Ends the group, as its messages have failed.
    package mutating func fail(_ error: ClusterError) {
        fail(error, telling: .ended(process: rank, host: host, reason: error.description))
    }

    private mutating func fail(_ error: ClusterError, telling content: Notice.Content?) {
        guard failure == nil else { return }
        failure = error
        failureTime = now
        farewell = content
    }

    /// What is to be sent now, to all peers.
    ///
    /// To be called often, after notices that have arrived have been received.
    ///
    /// - Parameters:
    ///   - time: The time, of the same clock.
    ///   - hasSent: Whether all that was to be sent before is on its way.
    /// - Returns: A notice; nil if there is nothing to say.
    package mutating func advance(to time: Duration, hasSent: Bool) -> Notice? {
        // A longer step than an interval is one in which this process could not run.
        awake += min(max(time - now, .zero), times.interval)
        now = time
        if failure == nil { findLost() }
        if let failureTime {
            if hasSentFarewell || farewell == nil, hasSent, !waitsForEcho { isSilent = true }
            if now - failureTime >= times.farewell { isSilent = true }
            guard !hasSentFarewell, let farewell else { return nil }
            hasSentFarewell = true
            return Notice(from: rank, on: host, farewell)
        }
        if isLeaving {
            hasLeft = hasSaidSo && hasSent && peers.allSatisfy(\.hasLeft)
            defer { hasSaidSo = true }
            return hasSaidSo ? nil : Notice(from: rank, on: host, .leaving)
        }
        guard awake >= nextBeat else { return nil }
        nextBeat = awake + times.interval
        return Notice(from: rank, on: host, .alive)
    }

    private mutating func findLost() {
        // The one that has been silent for longest is the cause, if there are several.
        guard let (process, peer) = zip(peerRanks, peers).min(by: { $0.1.lastHeard < $1.1.lastHeard }) else {
            return
        }
        let silence = awake - peer.lastHeard
        guard silence > times.patience else { return }
        let seconds = silence.inSeconds
        fail(
            .lost(process: process, host: peer.host, seconds: seconds),
            telling: rank == 0 ? .lost(process: process, host: peer.host, seconds: seconds) : nil)
    }
}
