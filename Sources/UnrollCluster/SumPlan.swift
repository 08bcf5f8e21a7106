/// The messages in which processes add the sums of shards that lie in several of them.
///
/// Every node of the tree is summed by the processes that have shards of it, its *holders*, each a slice of the elements.
/// The holders of a node stand in an order along the elements, with slices of the same length. The order is made of those
/// of the node's children, by the centers of the slices there, so that a process's new slice lies in its old one as far
/// as possible. It receives the part of its new slice that it lacks of each child's sum, and adds the two. A node
/// within one process is a leaf; its only slice is everything.
///
/// After the root, whose slices are final, values go the same ways back, except where a process already has them.
///
/// With a power of two of processes these are recursive halving and recursive doubling (Thakur, Rabenseifner, Gropp:
/// "Optimization of collective communication operations in MPICH", 2005). All processes make the same plan.
package struct SumPlan {
    /// A node of the tree, as far as it or its parent is in several processes.
    struct Node {
        let shards: Range<Int>
        /// Indices of the nodes of the two halves; nil for a leaf.
        let children: (left: Int, right: Int)?
        /// The processes that have slices, in the order of the slices.
        let holders: [Int]
        /// The rounds from the leaves below to this sum.
        let height: Int
        /// The rounds from the root to the final values of this node's slices.
        let depth: Int
    }

    /// Part of a slice, from one process to another.
    package struct Message: Equatable {
        /// The round, in `0..<roundCount`.
        package var round: Int
        /// The process that has the elements.
        package var sender: Int
        /// The process that lacks them.
        package var receiver: Int
        /// The elements: of the sum of `child` on the way up, of the sum of all on the way back.
        package var elements: Range<Int>
        /// The index of the node in whose round the message is.
        var node: Int
        /// The index of the child whose slices are sent or, on the way back, received.
        var child: Int
    }

    /// The tree of shards.
    package let tree: ShardTree
    /// The number of processes.
    package let size: Int
    /// The nodes, children before parents; the root is the last.
    private(set) var nodes = [Node]()

    /// A plan.
    ///
    /// - Parameters:
    ///   - tree: The tree of shards.
    ///   - size: The number of processes, in `1...tree.count`.
    package init(_ tree: ShardTree, size: Int) {
        self.tree = tree
        self.size = size
        _ = append(0..<tree.count, depth: 0)
    }

    /// The rounds up to the root, as many as its height.
    package var upwardRounds: Int { nodes.last?.height ?? 0 }

    /// All rounds, up and back.
    package var roundCount: Int { upwardRounds + (nodes.map(\.depth).max() ?? 0) }

    /// The holders of all nodes together: what it costs to make the plan.
    package var holderCount: Int { nodes.reduce(0) { $0 + $1.holders.count } }

    /// Adds a node and those below it, and returns its index.
    private mutating func append(_ shards: Range<Int>, depth: Int) -> Int {
        let first = tree.process(of: shards.lowerBound, of: size)
        if first == tree.process(of: shards.upperBound - 1, of: size) {
            nodes.append(Node(shards: shards, children: nil, holders: [first], height: 0, depth: depth))
        } else {
            let halves = ShardTree.children(of: shards)
            let left = append(halves.left, depth: depth + 1)
            let right = append(halves.right, depth: depth + 1)
            nodes.append(
                Node(
                    shards: shards, children: (left, right),
                    holders: Self.merge(nodes[left].holders, nodes[right].holders),
                    height: 1 + max(nodes[left].height, nodes[right].height), depth: depth))
        }
        return nodes.count - 1
    }

    /// The holders of two children in one order, by the centers of their slices; a process of both is at the mean.
    private static func merge(_ left: [Int], _ right: [Int]) -> [Int] {
        // Equal fractions have equal quotients in IEEE arithmetic, so that all machines agree on the order.
        func centers(_ holders: [Int]) -> [(process: Int, center: Double)] {
            holders.enumerated().map { ($1, Double(2 * $0 + 1) / Double(2 * holders.count)) }
        }
        var (first, second) = (centers(left), centers(right))
        // Shards are consecutive: of the processes of one child, only the last may have some of the other.
        let last = left.max()
        if let i = first.firstIndex(where: { $0.process == last }),
            let j = second.firstIndex(where: { $0.process == first[i].process })
        {
            let shared = (first[i].process, (first[i].center + second[j].center) / 2)
            first.remove(at: i)
            second.remove(at: j)
            first.insert(shared, at: first.firstIndex { $0.center > shared.1 } ?? first.count)
        }
        var merged = [Int]()
        var rest = second[...]
        for (process, center) in first {
            while let next = rest.first, next.center < center {
                merged.append(next.process)
                rest.removeFirst()
            }
            merged.append(process)
        }
        return merged + rest.map(\.process)
    }

    /// Slice `index` of `count` equal slices, which differ by less than 32 elements.
    ///
    /// They begin at multiples of 16 elements, and some may be empty.
    package static func slice(_ index: Int, of count: Int, elementCount: Int) -> Range<Int> {
        let blocks = (elementCount + 15) / 16
        func start(_ index: Int) -> Int {
            min(elementCount, 16 * count.dividingFullWidth(blocks.multipliedFullWidth(by: index)).quotient)
        }
        return start(index)..<start(index + 1)
    }

    /// Calls with every message, round by round, in an order on which all processes agree.
    package func forEachMessage(elementCount: Int, _ body: (Message) -> Void) {
        for index in nodes.indices.sorted(by: { (nodes[$0].height, $0) < (nodes[$1].height, $1) }) {
            forEachOverlap(of: index, elementCount) { child, sender, receiver, elements in
                guard sender != receiver else { return }
                body(
                    Message(
                        round: nodes[index].height - 1, sender: sender, receiver: receiver,
                        elements: elements, node: index, child: child))
            }
        }

        // What each process has of the sum of all.
        var finished = [RangeSet<Int>](repeating: RangeSet(), count: size)
        guard let root = nodes.last else { return }
        for (position, process) in root.holders.enumerated() {
            finished[process] = RangeSet(
                Self.slice(position, of: root.holders.count, elementCount: elementCount))
        }
        for index in nodes.indices.sorted(by: { (nodes[$0].depth, $0) < (nodes[$1].depth, $1) }) {
            forEachOverlap(of: index, elementCount) { child, receiver, sender, elements in
                for missing in RangeSet(elements).subtracting(finished[receiver]).ranges {
                    body(
                        Message(
                            round: upwardRounds + nodes[index].depth, sender: sender, receiver: receiver,
                            elements: missing, node: index, child: child))
                }
                finished[receiver].insert(contentsOf: elements)
            }
        }
    }

    /// Calls with every part of a child's slice that is part of a slice of the node: whose it was and whose it is.
    private func forEachOverlap(
        of index: Int, _ elementCount: Int,
        _ body: (_ child: Int, _ before: Int, _ after: Int, _ elements: Range<Int>) -> Void
    ) {
        guard let children = nodes[index].children else { return }
        let new = nodes[index].holders
        for child in [children.left, children.right] {
            let old = nodes[child].holders
            var (i, j) = (0, 0)
            while i < old.count, j < new.count {
                let before = Self.slice(i, of: old.count, elementCount: elementCount)
                let after = Self.slice(j, of: new.count, elementCount: elementCount)
                let overlap = before.clamped(to: after)
                if !overlap.isEmpty { body(child, old[i], new[j], overlap) }
                if before.upperBound <= after.upperBound { i += 1 }
                if after.upperBound <= before.upperBound { j += 1 }
            }
        }
    }
}
