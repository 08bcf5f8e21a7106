/// The fixed balanced tree in which the gradients of a step's shards are added.
///
/// A node is a range of consecutive shards. One of `n` shards has two children, the first `⌈n / 2⌉` of them and the other
/// `⌊n / 2⌋`, and its sum is the sum of the first plus that of the second. The tree depends on the number of shards alone,
/// and so do the bits of the sum of all of them.
///
/// Processes share the shards along the tree. The shards of each of 2, 4, 8, … processes are one node, and those of an even
/// number of processes lie in one half: so they exchange the fewest bytes.
public struct ShardTree: Sendable, Equatable {
    /// The number of shards, at least 1.
    public let count: Int

    /// A tree of so many shards; less than one counts as one.
    public init(count: Int) {
        self.count = max(1, count)
    }

    /// The consecutive shards of a process: as many as those of any other, or one more.
    ///
    /// - Parameters:
    ///   - rank: The process, in `0..<size`.
    ///   - size: The number of processes, at least 1. If it is more than ``count``, some have no shards.
    /// - Returns: The shards, in `0..<count`; none for a rank out of range.
    public func shards(of rank: Int, of size: Int) -> Range<Int> {
        guard (0..<max(0, size)).contains(rank) else { return count..<count }
        var (rank, size, node) = (rank, size, 0..<count)
        while size.isMultiple(of: 2) {
            size /= 2
            let (left, right) = Self.children(of: node)
            node = rank < size ? left : right
            if rank >= size { rank -= size }
        }
        // An odd number of processes shares its node as a ruler does: process r begins at ⌈r · n / size⌉.
        func start(_ rank: Int) -> Int {
            let (whole, rest) = size.dividingFullWidth(node.count.multipliedFullWidth(by: rank))
            return node.lowerBound + whole + (rest > 0 ? 1 : 0)
        }
        return start(rank)..<start(rank + 1)
    }

    /// The process that has a shard: the inverse of ``shards(of:of:)``.
    ///
    /// - Parameters:
    ///   - shard: The shard, in `0..<count`.
    ///   - size: The number of processes, at least 1.
    /// - Returns: The process, in `0..<size`.
    package func process(of shard: Int, of size: Int) -> Int {
        var (first, size, node) = (0, size, 0..<count)
        while size.isMultiple(of: 2) {
            size /= 2
            let (left, right) = Self.children(of: node)
            node = shard < right.lowerBound ? left : right
            if shard >= right.lowerBound { first += size }
        }
        let place = shard - node.lowerBound
        return first + node.count.dividingFullWidth(size.multipliedFullWidth(by: place)).quotient
    }

    /// The two halves of a node.
    static func children(of node: Range<Int>) -> (left: Range<Int>, right: Range<Int>) {
        let middle = node.upperBound - node.count / 2
        return (node.lowerBound..<middle, middle..<node.upperBound)
    }

    /// The nodes whose sums a process can make by itself: the largest within its shards, in order.
    ///
    /// - Parameter shards: Consecutive shards, within `0..<count`.
    /// - Returns: The nodes, whose shards are those.
    package func nodes(within shards: Range<Int>) -> [Range<Int>] {
        var found = [Range<Int>]()
        func search(_ node: Range<Int>) {
            guard node.overlaps(shards) else { return }
            if shards.lowerBound <= node.lowerBound, node.upperBound <= shards.upperBound {
                found.append(node)
            } else {
                let (left, right) = Self.children(of: node)
                search(left)
                search(right)
            }
        }
        search(0..<count)
        return found
    }

    /// How many times the two last sums are added after each shard of a node.
    ///
    /// It is the program of a stack of sums: after each shard, push its gradient, and then so many times replace the two
    /// last sums by the first plus the second. After the last shard, one sum is left.
    package func merges(within node: Range<Int>) -> [Int] {
        guard node.count > 1 else { return node.map { _ in 0 } }
        let (left, right) = Self.children(of: node)
        var merges = merges(within: left) + merges(within: right)
        merges[merges.count - 1] += 1
        return merges
    }

    /// The greatest number of sums on the stack of ``merges(within:)``: `⌊log₂ n⌋ + 1` for a node of `n` shards.
    package func depth(of node: Range<Int>) -> Int {
        Int.bitWidth - node.count.leadingZeroBitCount
    }
}
