import Synchronization
import UnrollBase

/// MPI in this process, once it is started: messages among all processes, on channels that do not see each other's.
///
/// All calls of MPI are made under one lock, so that any thread may make them.
struct MPISession: Sendable {
    /// Messages of one kind: a communicator of its own.
    struct Channel: Sendable {
        fileprivate let communicator: MPIInterface.Handle
    }

    let library: MPILibrary
    let rank: Int
    let size: Int
    /// The messages of the group.
    let work: Channel
    /// What processes tell each other beside.
    let notices: Channel
    private let lock: FairLock

    /// Starts MPI, on the thread that is to end it.
    ///
    /// - Throws: `ClusterError.otherLauncher` if the library knows other processes than the launcher has started, or
    ///   `.failed`.
    init(_ library: MPILibrary, launcher: Launcher) throws(ClusterError) {
        let (functions, interface) = (library.functions, library.interface)
        var provided: Int32 = 0
        try library.check(
            functions.initialize(nil, nil, interface.serialized, &provided), of: "MPI_Init_thread")
        try library.check(
            functions.setErrorHandler(interface.world, interface.errorsReturn), of: "MPI_Comm_set_errhandler")
        var (size, rank): (Int32, Int32) = (0, 0)
        try library.check(functions.communicatorSize(interface.world, &size), of: "MPI_Comm_size")
        try library.check(functions.communicatorRank(interface.world, &rank), of: "MPI_Comm_rank")
        guard Int(size) == launcher.size, Int(rank) == launcher.rank else {
            throw .otherLauncher(
                library: library.name, version: library.version, started: launcher.size, known: Int(size))
        }
        guard provided >= interface.serialized else {
            throw .failed(
                library: library.name, version: library.version, function: "MPI_Init_thread",
                reason: "it cannot be called by several threads (level \(provided))")
        }
        self.library = library
        self.rank = Int(rank)
        self.size = Int(size)
        // The handlers of errors are duplicated as well.
        work = try Self.channel(of: library)
        notices = try Self.channel(of: library)
        lock = FairLock()
    }

    private static func channel(of library: MPILibrary) throws(ClusterError) -> Channel {
        var handle: MPIInterface.Handle = 0
        try library.check(library.functions.duplicate(library.interface.world, &handle), of: "MPI_Comm_dup")
        return Channel(communicator: handle)
    }

    /// Makes calls of MPI while no other thread does.
    ///
    /// - Parameters:
    ///   - isUrgent: Whether this goes before the next call of a thread that makes one after the other.
    ///   - body: Makes the calls.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    func exclusively<Result: ~Copyable>(
        isUrgent: Bool = false, _ body: () throws(ClusterError) -> Result
    ) throws(ClusterError) -> Result {
        try lock.withLock(isUrgent: isUrgent, body)
    }

    /// Starts to send or to receive a piece of memory, which must stay until the request is done.
    ///
    /// - Parameters:
    ///   - direction: Which way.
    ///   - peer: The other process; nil for any, from which to receive.
    ///   - bytes: The memory, at most 2 GiB, as MPI counts in 32 bits.
    ///   - channel: The channel.
    ///   - request: The handle to be written, of `interface.handleSize` bytes.
    /// - Throws: `ClusterError.failed`.
    func start(
        _ direction: Transfer.Direction, _ peer: Int?, _ bytes: UnsafeMutableRawBufferPointer,
        on channel: Channel,
        request: UnsafeMutableRawPointer
    ) throws(ClusterError) {
        let (functions, interface) = (library.functions, library.interface)
        let count = Int32(truncatingIfNeeded: bytes.count)
        let process = peer.map { Int32(truncatingIfNeeded: $0) } ?? interface.anySource
        switch direction {
        case .send:
            try library.check(
                functions.send(
                    bytes.baseAddress, count, interface.byte, process, 0, channel.communicator, request),
                of: "MPI_Isend")
        case .receive:
            try library.check(
                functions.receive(
                    bytes.baseAddress, count, interface.byte, process, 0, channel.communicator, request),
                of: "MPI_Irecv")
        }
    }

    /// Whether a request is done; it is then to be forgotten.
    func isDone(_ request: UnsafeMutableRawPointer) throws(ClusterError) -> Bool {
        var flag: Int32 = 0
        try library.check(
            library.functions.test(
                request, &flag, UnsafeMutableRawPointer(bitPattern: library.interface.statusIgnore)),
            of: "MPI_Test")
        return flag != 0
    }

    /// How many more of some requests are done; they are then to be forgotten.
    ///
    /// - Parameters:
    ///   - requests: Their handles one after the other, each of `interface.handleSize` bytes.
    ///   - places: Memory for as many numbers as there are requests.
    ///   - statuses: Memory of `interface.status.size` bytes for each of them, all of them 0 at first.
    /// - Returns: The number of those that are done since the last call.
    /// - Throws: `ClusterError.failed`.
    func countDone(
        _ requests: UnsafeMutableRawPointer, _ places: UnsafeMutableBufferPointer<Int32>,
        _ statuses: UnsafeMutableRawPointer
    ) throws(ClusterError) -> Int {
        guard let first = places.baseAddress else { return 0 }
        var count: Int32 = 0
        let code = library.functions.testSome(
            Int32(truncatingIfNeeded: places.count), requests, &count, first, statuses)
        if code != 0 {
            // That of a message says more than that there is one.
            let status = library.interface.status
            let codes = places.indices.map {
                statuses.loadUnaligned(fromByteOffset: $0 * status.size + status.error, as: Int32.self)
            }
            try library.check(codes.first { $0 != 0 } ?? code, of: "MPI_Testsome")
        }
        // MPI_UNDEFINED, a negative number, if all were done before.
        return Int(max(count, 0))
    }

    /// Gives up a request to receive.
    func cancel(_ request: UnsafeMutableRawPointer) throws(ClusterError) {
        try library.check(library.functions.cancel(request), of: "MPI_Cancel")
    }

    /// Ends MPI in all processes, each of which must call this.
    func finalize() throws(ClusterError) {
        try library.check(library.functions.finalize(), of: "MPI_Finalize")
    }
}

/// A lock that a thread which takes it over and over cannot keep from others.
private final class FairLock: Sendable {
    private let mutex = Mutex(())
    private let isAwaited = Atomic(false)

    func withLock<Result: ~Copyable>(
        isUrgent: Bool, _ body: () throws(ClusterError) -> Result
    ) throws(ClusterError) -> Result {
        if isUrgent {
            isAwaited.store(true, ordering: .relaxed)
        } else {
            while isAwaited.load(ordering: .relaxed) { Backoff.yield() }
        }
        return try mutex.withLock { _ throws(ClusterError) in
            if isUrgent { isAwaited.store(false, ordering: .relaxed) }
            return try body()
        }
    }
}
