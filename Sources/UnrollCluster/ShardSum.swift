import UnrollBase

/// Adds the gradients of all shards, in every process, in the order of their tree.
///
/// The bits of the sum are those of one process that adds all of them. Memory for the messages is allocated once, and a sum
/// allocates none. Messages are as few and short as in an all-reduce by recursive halving and doubling: see
/// `SumPlan`.
package final class ShardSum {
    /// The shards of this process.
    package let ownShards: Range<Int>
    /// The nodes of the tree that this process sums by itself, in order.
    package let ownNodes: [Range<Int>]
    /// The elements of a gradient.
    package let elementCount: Int
    /// The time of all sums so far, in seconds: waiting for other processes, messages, additions.
    package private(set) var seconds = 0.0
    /// The bytes that this process has sent in all sums so far.
    package private(set) var bytesSent = 0

    private let group: (any ProcessGroup)?
    private let memory: any SumMemory
    private let schedule: SumSchedule
    /// What is received and then added.
    private let received: UnsafeMutablePointer<Float>
    private var transfers = [Transfer]()

    /// Plans the sums of a process.
    ///
    /// - Parameters:
    ///   - tree: The tree of shards.
    ///   - group: The processes, at most as many as shards; nil for this one alone.
    ///   - elementCount: The elements of a gradient, in `0...2⁴⁸`.
    ///   - memory: Where the gradients lie. Default: the machine's memory.
    /// - Throws: `ParameterError` if an argument is out of its range; what the memory lacks.
    package init(
        _ tree: ShardTree, in group: (any ProcessGroup)?, elementCount: Int,
        memory: any SumMemory = HostMemory()
    ) throws {
        let (rank, size) = (group?.rank ?? 0, group?.size ?? 1)
        try ParameterError.require(
            size <= tree.count, "shardCount", is: tree.count, but: "at least the number of processes, \(size)"
        )
        try ParameterError.require(
            (0...1 << 48).contains(elementCount), "elementCount", is: elementCount, but: "in 0...2^48")
        self.group = group
        self.memory = memory
        self.elementCount = elementCount
        ownShards = tree.shards(of: rank, of: size)
        ownNodes = tree.nodes(within: ownShards)
        schedule = SumSchedule(
            of: rank, in: SumPlan(tree, size: size), elementCount: elementCount)
        received = try memory.makeReceivedNumbers(schedule.receivedCount)
        transfers.reserveCapacity(schedule.rounds.map(\.messages.count).max() ?? 0)
    }

    /// Adds the sums of all processes.
    ///
    /// All processes of the group must call it; it returns when this one has the sum of all shards.
    ///
    /// - Parameter partials: For each of ``ownNodes`` the sum of its shards, ``elementCount`` floats, which are overwritten.
    ///   The first is the sum of all shards afterwards.
    /// - Throws: `ClusterError` if a process is lost or has ended, after which the group is of no more use; what goes wrong in
    ///   the memory.
    package func sum(_ partials: [UnsafeMutablePointer<Float>]) throws {
        precondition(partials.count == ownNodes.count, "one buffer for each node")
        guard let group, !schedule.rounds.isEmpty else { return }
        let start = ContinuousClock.now
        defer { seconds += start.duration(to: .now) / .seconds(1) }
        func address(_ place: SumSchedule.Place) -> UnsafeMutablePointer<Float> {
            (place.buffer < partials.count ? partials[place.buffer] : received) + place.start
        }
        for round in schedule.rounds {
            transfers.removeAll(keepingCapacity: true)
            for message in round.messages {
                let numbers = UnsafeMutableBufferPointer(start: address(message.place), count: message.count)
                transfers.append(
                    Transfer(message.direction, message.peer, UnsafeMutableRawBufferPointer(numbers)))
            }
            if !transfers.isEmpty { try group.exchange(transfers) }
            for addition in round.additions {
                try memory.add(
                    address(addition.left), address(addition.right), to: address(addition.sum),
                    count: addition.count)
            }
        }
        bytesSent += schedule.bytesSent
    }
}
