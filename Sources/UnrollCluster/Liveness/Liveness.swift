/// Which processes of a group live, as one of them sees it: no more than rules, without messages, threads and clocks.
///
/// Every process and number 0 tell each other once in an interval that they live. Number 0 finds that another one has been
/// silent for too long and tells all; each of the others finds that of number 0 by itself. A process that cannot go on tells
/// number 0, which tells all. So what ends a group reaches each process in two messages at most, and number 0 of thousands
/// of processes has thousands of messages to send in a second, which it can.
///
/// Silence is counted in the time that this process itself could run: one that was stopped for a minute, as a whole group is
/// by Ctrl-Z, does not take the others for lost when it goes on.
struct Liveness {
    let rank: Int
    let size: Int
    let host: String
    let times: LivenessTimes

    /// Why the group has ended, which stays as it first was; nil while it lives.
    private(set) var failure: ClusterError?
    /// Whether all that must know of the failure have been told, and the process that told it knows that.
    private(set) var isSilent = false

    private var now: Duration
    /// The time that this process could run.
    private var awake = Duration.zero
    /// When signs of life are to be sent, in the time that counts for silence.
    private var nextBeat = Duration.zero
    private var peers: [Peer]
    private var failureTime: Duration?
    /// The farewell that is to be sent to the peers.
    private var farewell: Notice.Content?
    private var hasSentFarewell = false
    /// Whether number 0 is to say the same before this process may fall silent.
    private var waitsForEcho = false

    private struct Peer {
        let rank: Int
        var host = ""
        var lastHeard = Duration.zero
    }

    /// The rules for a process.
    ///
    /// - Parameters:
    ///   - rank: This process, in `0..<size`.
    ///   - size: The number of processes.
    ///   - host: The name of its host, for the others.
    ///   - times: How often, and how soon.
    ///   - now: The time, of a clock that starts anywhere.
    init(rank: Int, size: Int, host: String, times: LivenessTimes, now: Duration) {
        self.rank = rank
        self.size = size
        self.host = host
        self.times = times
        self.now = now
        let others = rank == 0 ? Array(0..<size).dropFirst() : [0]
        peers = others.map { Peer(rank: $0) }
    }

    /// Notices what another process says.
    mutating func receive(_ notice: Notice) {
        guard let index = index(of: notice.sender) else { return }
        peers[index].lastHeard = awake
        peers[index].host = notice.host
        switch notice.content {
        case .alive: break
        case .lost(let process, let host, let seconds):
            // To be taken for lost ends this process, too, however well it feels.
            fail(.lost(process: process, host: host, seconds: seconds), telling: nil)
        case .ended(let process, let host, let reason):
            if process == rank { waitsForEcho = false }
            fail(
                .ended(process: process, host: host, reason: reason),
                telling: rank == 0 ? notice.content : nil)
        }
    }

    /// Ends the group, as this process cannot go on.
    mutating func end(because reason: String) {
        waitsForEcho = rank != 0 && failure == nil
        fail(
            .ended(process: rank, host: host, reason: reason),
            telling: .ended(process: rank, host: host, reason: reason))
    }

    /// Ends the group, as its messages have failed.
    mutating func fail(_ error: ClusterError) {
        fail(error, telling: .ended(process: rank, host: host, reason: error.description))
    }

    private mutating func fail(_ error: ClusterError, telling content: Notice.Content?) {
        guard failure == nil else { return }
        failure = error
        failureTime = now
        farewell = content
    }

    /// What is to be sent now, and to whom.
    ///
    /// To be called often, after notices that have arrived have been received.
    ///
    /// - Parameters:
    ///   - time: The time, of the same clock.
    ///   - hasSent: Whether all that was to be sent before is on its way.
    /// - Returns: Notices, and the processes that are to have them.
    mutating func advance(to time: Duration, hasSent: Bool) -> [(peer: Int, notice: Notice)] {
        // A longer step than an interval is one in which this process could not run.
        awake += min(max(time - now, .zero), times.interval)
        now = time
        if failure == nil { findLost() }
        if let failureTime {
            if hasSentFarewell || farewell == nil, hasSent, !waitsForEcho { isSilent = true }
            if now - failureTime >= times.farewell { isSilent = true }
            guard !hasSentFarewell, let farewell else { return [] }
            hasSentFarewell = true
            return notices(farewell)
        }
        guard awake >= nextBeat else { return [] }
        nextBeat = awake + times.interval
        return notices(.alive)
    }

    private mutating func findLost() {
        // The one that has been silent for longest is the cause, if there are several.
        guard let peer = peers.min(by: { $0.lastHeard < $1.lastHeard }) else { return }
        let silence = awake - peer.lastHeard
        guard silence > times.patience else { return }
        let seconds = silence.inSeconds
        fail(
            .lost(process: peer.rank, host: peer.host, seconds: seconds),
            telling: rank == 0 ? .lost(process: peer.rank, host: peer.host, seconds: seconds) : nil)
    }

    private func notices(_ content: Notice.Content) -> [(peer: Int, notice: Notice)] {
        peers.map { ($0.rank, Notice(from: rank, on: host, content)) }
    }

    private func index(of sender: Int) -> Int? {
        // Number 0 has the others in order, and the others have number 0 alone.
        let index = rank == 0 ? sender - 1 : sender
        return peers.indices.contains(index) ? index : nil
    }
}
