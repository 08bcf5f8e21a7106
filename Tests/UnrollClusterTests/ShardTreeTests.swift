import Testing
import UnrollCluster

@Suite("The tree of shards")
struct ShardTreeTests {
    private static let counts = Array(1...40) + [63, 64, 65, 100, 1000, 4096]

    @Test("Processes share the shards in order, as evenly as possible", arguments: counts)
    func shares(count: Int) {
        let tree = ShardTree(count: count)
        for size in [1, 2, 3, 5, 8, 9, 64, 4096] where size <= count {
            let shares = (0..<size).map { tree.shards(of: $0, of: size) }
            #expect(shares.flatMap { $0 } == Array(0..<count))
            #expect(Set(shares.map(\.count)).isSubset(of: [count / size, (count + size - 1) / size]))
            for (rank, shards) in shares.enumerated() {
                #expect(shards.allSatisfy { tree.process(of: $0, of: size) == rank })
            }
        }
    }

    @Test("The shards of each of a power of two of processes are one node", arguments: counts)
    func powersOfTwo(count: Int) {
        let tree = ShardTree(count: count)
        for size in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096] where size <= count {
            for rank in 0..<size {
                let shards = tree.shards(of: rank, of: size)
                #expect(tree.nodes(within: shards) == [shards], "process \(rank) of \(size)")
            }
        }
    }

    @Test("Own nodes are the fewest that cover the shards", arguments: counts)
    func ownNodes(count: Int) {
        let tree = ShardTree(count: count)
        for size in 1...min(count, 9) {
            for rank in 0..<size {
                let shards = tree.shards(of: rank, of: size)
                let nodes = tree.nodes(within: shards)
                #expect(nodes.flatMap { $0 } == Array(shards))
                // At each end of the shards, one node a level at most.
                #expect(nodes.count <= max(1, 2 * tree.depth(of: shards)))
            }
        }
    }

    @Test("The program of sums makes the tree and leaves one sum", arguments: counts)
    func merges(count: Int) {
        let tree = ShardTree(count: count)
        var (stack, deepest) = ([String](), 0)
        for (shard, merges) in tree.merges(within: 0..<count).enumerated() {
            stack.append("\(shard)")
            deepest = max(deepest, stack.count)
            for _ in 0..<merges {
                let right = stack.removeLast()
                stack[stack.count - 1] = "(\(stack[stack.count - 1])+\(right))"
            }
        }
        #expect(stack == [Self.formula(0..<count)])
        #expect(deepest == tree.depth(of: 0..<count))
    }

    /// The sum of a node, written by its definition.
    private static func formula(_ node: Range<Int>) -> String {
        guard node.count > 1 else { return "\(node.lowerBound)" }
        let half = (node.count + 1) / 2
        let middle = node.lowerBound + half
        return "(\(formula(node.lowerBound..<middle))+\(formula(middle..<node.upperBound)))"
    }

    @Test("Arguments out of range do not trap")
    func extremes() {
        #expect(ShardTree(count: 0).count == 1)
        #expect(ShardTree(count: .min).shards(of: 0, of: 1) == 0..<1)
        let tree = ShardTree(count: .max)
        #expect(tree.shards(of: 0, of: 2) == 0..<(1 << 62))
        #expect(tree.shards(of: 1, of: 2) == (1 << 62)..<Int.max)
        #expect(tree.shards(of: 7, of: 2).isEmpty)
        #expect(tree.shards(of: -1, of: 0).isEmpty)
        #expect(ShardTree(count: 2).shards(of: 3, of: 4) == 2..<2)
    }
}
