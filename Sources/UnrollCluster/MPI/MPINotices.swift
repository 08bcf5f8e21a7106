/// Notices that go over MPI, without waiting for any of them.
///
/// For one thread, within `MPISession.exclusively`. Memory that MPI may still read or write is never freed; there is one of
/// these in a process, for as long as that lasts.
struct MPINotices: ~Copyable {
    private let session: MPISession
    private let incoming: Slot
    private var outgoing: [Int: Slot] = [:]
    /// Processes to which something is on the way.
    private var busy: [Int] = []
    /// The last notice for each of them, which goes when that has arrived.
    private var waiting: [Int: Notice] = [:]

    /// Memory for a notice, and MPI's handle of it.
    private struct Slot {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Notice.maximumBytes, alignment: 8)
        let request = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<UInt>.size, alignment: 8)
    }

    /// Starts to listen.
    init(_ session: MPISession) throws(ClusterError) {
        self.session = session
        incoming = Slot()
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

    /// Sends a notice, or keeps it until the one before has arrived; then it takes the place of others that wait.
    mutating func send(_ notice: Notice, to peer: Int) throws(ClusterError) {
        guard !busy.contains(peer) else {
            waiting[peer] = notice
            return
        }
        try start(notice, to: peer)
    }

    private mutating func start(_ notice: Notice, to peer: Int) throws(ClusterError) {
        let slot = outgoing[peer] ?? Slot()
        outgoing[peer] = slot
        let bytes = notice.bytes
        slot.bytes.copyBytes(from: bytes)
        try session.start(
            .send, peer, UnsafeMutableRawBufferPointer(rebasing: slot.bytes[..<bytes.count]),
            on: session.notices,
            request: slot.request)
        if try !session.isDone(slot.request) { busy.append(peer) }
    }

    /// Goes on with what is on the way, and returns whether all of it has gone.
    mutating func hasSent() throws(ClusterError) -> Bool {
        let before = busy
        busy = []
        for peer in before {
            guard let slot = outgoing[peer] else { continue }
            if try !session.isDone(slot.request) {
                busy.append(peer)
            } else if let notice = waiting.removeValue(forKey: peer) {
                try start(notice, to: peer)
            }
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
