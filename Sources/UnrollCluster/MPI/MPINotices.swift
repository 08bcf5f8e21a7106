/// Notices that go over MPI, without waiting for any of them.
///
/// For one thread, within `MPISession.exclusively`. Memory that MPI may still read or write is never freed; there is one of
/// these in a process, for as long as that lasts.
struct MPINotices: ~Copyable {
    private let session: MPISession
    private let incoming: Slot
    private let peers: Range<Int>
    private let outgoing: [Slot]
    /// Peers to which something is on the way.
    private var busy: Set<Int> = []
    /// The last notice that is for them next.
    private var waiting: [UInt8]?
    /// Peers for which it is.
    private var late: Set<Int> = []

    /// Memory for a notice, and MPI's handle of it.
    private struct Slot {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Notice.maximumBytes, alignment: 8)
        let request = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<UInt>.size, alignment: 8)
    }

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - session: MPI in this process.
    ///   - peers: The processes to which notices are to be sent.
    /// - Throws: `ClusterError.failed`, as all of it.
    init(_ session: MPISession, peers: Range<Int>) throws(ClusterError) {
        self.session = session
        self.peers = peers
        incoming = Slot()
        outgoing = peers.map { _ in Slot() }
        try listen()
    }

    private func listen() throws(ClusterError) {
        try session.start(.receive, nil, incoming.bytes, on: session.notices, request: incoming.request)
    }

    /// The next notice that has arrived; nil if there is none.
    func next() throws(ClusterError) -> Notice? {
        while try session.isDone(incoming.request) {
            let notice = Notice(incoming.bytes)
            try listen()
            if let notice { return notice }
        }
        return nil
    }

    /// Sends a notice to all peers.
    ///
    /// One that has not had the notice before gets this one then, and no other that was to come between.
    mutating func send(_ notice: Notice) throws(ClusterError) {
        let bytes = notice.bytes
        waiting = bytes
        late = busy
        for peer in peers where !busy.contains(peer) { try start(bytes, to: peer) }
    }

    private mutating func start(_ bytes: [UInt8], to peer: Int) throws(ClusterError) {
        let slot = outgoing[peer - peers.lowerBound]
        slot.bytes.copyBytes(from: bytes)
        try session.start(
            .send, peer, UnsafeMutableRawBufferPointer(rebasing: slot.bytes[..<bytes.count]),
            on: session.notices,
            request: slot.request)
        if try !session.isDone(slot.request) { busy.insert(peer) }
    }

    /// Goes on with what is on the way, and returns whether all of it has gone.
    mutating func hasSent() throws(ClusterError) -> Bool {
        for peer in busy {
            guard try session.isDone(outgoing[peer - peers.lowerBound].request) else { continue }
            busy.remove(peer)
            if late.remove(peer) != nil, let waiting { try start(waiting, to: peer) }
        }
        return busy.isEmpty
    }

    /// Stops listening, so that MPI can be ended.
    func stop() throws(ClusterError) {
        try session.cancel(incoming.request)
        // If one has arrived just now, it is the end of the request as well.
        while try !session.isDone(incoming.request) {}
    }
}
