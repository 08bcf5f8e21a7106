/// What one process does in a ``SumPlan``: its own messages and additions, round by round.
struct SumSchedule {
    /// Elements of a buffer.
    ///
    /// The buffers are those of the process's own nodes, and after them one for what it receives.
    struct Place {
        var buffer: Int
        var start: Int
    }

    /// A message to or from another process.
    struct Message {
        var direction: Transfer.Direction
        var peer: Int
        var place: Place
        var count: Int
    }

    /// The sum of a slice of a node, which is left in the place of one of its terms.
    struct Addition {
        var left: Place
        var right: Place
        var sum: Place
        var count: Int
    }

    /// Messages that go at once, and then additions.
    struct Round {
        var messages = [Message]()
        var additions = [Addition]()
    }

    /// The rounds in which the process does something.
    let rounds: [Round]
    /// The elements of the buffer for what it receives.
    let receivedCount: Int
    /// The bytes that it sends in a sum.
    let bytesSent: Int

    /// The part of a process.
    ///
    /// - Parameters:
    ///   - rank: The process, in `0..<plan.size`.
    ///   - plan: The plan of all processes.
    ///   - elementCount: The elements of a gradient, at least 0.
    init(of rank: Int, in plan: SumPlan, elementCount: Int) {
        let ownNodes = plan.tree.nodes(within: plan.tree.shards(of: rank, of: plan.size))
        /// A node's sum takes the place of the first of its own ones.
        func buffer(of node: Int) -> Int {
            ownNodes.firstIndex { $0.lowerBound >= plan.nodes[node].shards.lowerBound } ?? 0
        }

        var rounds = [Round](repeating: Round(), count: plan.roundCount)
        // For each node, where element 0 of what is received for it would be; nodes of a round have places apart.
        var origins = [Int: Int]()
        var used = [Int](repeating: 0, count: plan.roundCount)
        for (index, node) in plan.nodes.enumerated() {
            guard let children = node.children, let position = node.holders.firstIndex(of: rank) else {
                continue
            }
            let slice = SumPlan.slice(position, of: node.holders.count, elementCount: elementCount)
            let round = node.height - 1
            func term(_ child: Int) -> Place {
                guard !plan.nodes[child].holders.contains(rank) else {
                    return Place(buffer: buffer(of: child), start: slice.lowerBound)
                }
                let place = Place(buffer: ownNodes.count, start: used[round])
                origins[index] = used[round] - slice.lowerBound
                // A multiple of 16 elements, as slices are: vectors do not cross cache lines.
                used[round] += (slice.count + 15) / 16 * 16
                return place
            }
            let (left, right) = (term(children.left), term(children.right))
            guard !slice.isEmpty else { continue }
            rounds[round].additions.append(
                Addition(
                    left: left, right: right, sum: left.buffer < right.buffer ? left : right,
                    count: slice.count))
        }

        var bytesSent = 0
        plan.forEachMessage(elementCount: elementCount) { message in
            guard message.sender == rank || message.receiver == rank else { return }
            let isSent = message.sender == rank
            let start = message.elements.lowerBound
            let place =
                if message.round >= plan.upwardRounds {
                    // The sum of all is in the first buffer.
                    Place(buffer: 0, start: start)
                } else if isSent || plan.nodes[message.child].holders.contains(rank) {
                    Place(buffer: buffer(of: message.child), start: start)
                } else {
                    Place(buffer: ownNodes.count, start: origins[message.node, default: 0] + start)
                }
            rounds[message.round].messages.append(
                Message(
                    direction: isSent ? .send : .receive, peer: isSent ? message.receiver : message.sender,
                    place: place, count: message.elements.count))
            if isSent { bytesSent += message.elements.count * MemoryLayout<Float>.stride }
        }
        self.rounds = rounds.filter { !$0.messages.isEmpty || !$0.additions.isEmpty }
        receivedCount = used.max() ?? 0
        self.bytesSent = bytesSent
    }
}
