/// Processes that compute together, on one machine or several, as one of them sees them.
///
/// Messages go from process to process; everything else, such as sums, is made of them, so that its order is ours and its
/// bits do not depend on the transport. Of a group, one thread at a time exchanges messages.
public protocol ProcessGroup: AnyObject, Sendable {
    /// This process, in `0..<size`; that of number 0 prints and saves.
    var rank: Int { get }
    /// The number of processes, at least 1.
    var size: Int { get }
    /// This process among those of its machine, from 0; they share out its GPUs.
    ///
    /// Default: 0.
    var localRank: Int { get }

    /// Sends and receives messages; returns when all of them have arrived or may be forgotten.
    ///
    /// All of them go at once, so that two processes may send to each other. From one process to another, messages arrive
    /// in the order in which they were sent. A message must be as long as the receiver expects.
    ///
    /// - Parameter transfers: The messages; none is from this process to itself.
    /// - Throws: `ClusterError`, after which the group is of no more use.
    func exchange(_ transfers: [Transfer]) throws(ClusterError)

    /// Tells the other processes that this one cannot go on; their exchanges then throw `ClusterError.ended`.
    ///
    /// - Parameter reason: One line for people.
    func end(because reason: String)
}

extension ProcessGroup {
    /// The only process of its machine.
    public var localRank: Int { 0 }
}

/// A message to another process, or from it.
public struct Transfer {
    /// Which way a message goes.
    public enum Direction: Sendable {
        /// To the other process, which reads the memory.
        case send
        /// From the other process, which overwrites the memory.
        case receive
    }

    /// Which way it goes.
    public var direction: Direction
    /// The rank of the other process.
    public var peer: Int
    /// The memory, which must stay as it is until the exchange is over.
    public var bytes: UnsafeMutableRawBufferPointer

    /// A message.
    public init(_ direction: Direction, _ peer: Int, _ bytes: UnsafeMutableRawBufferPointer) {
        self.direction = direction
        self.peer = peer
        self.bytes = bytes
    }
}
