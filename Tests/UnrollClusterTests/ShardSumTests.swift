import Testing
import UnrollBase
import UnrollCluster
import UnrollTestSupport

@Suite("Sums over shards")
struct ShardSumTests {
    /// Floats of very different sizes, for whose sums the order matters.
    private static func gradients(shards: Int, elements: Int, seed: UInt64) -> [[Float]] {
        var random = RandomSource(seed: seed, purpose: .masks)
        return (0..<shards).map { _ in
            (0..<elements).map { _ in
                let bits = random.next()
                let fraction = Float(Int32(truncatingIfNeeded: bits)) / Float(Int32.max)
                return fraction * Float(sign: .plus, exponent: Int(bits >> 32 % 40) - 20, significand: 1)
            }
        }
    }

    /// The sum of a node, by its definition.
    private static func sum(_ gradients: ArraySlice<[Float]>) -> [Float] {
        guard gradients.count > 1 else { return gradients.first ?? [] }
        let half = (gradients.count + 1) / 2
        return zip(sum(gradients.prefix(half)), sum(gradients.dropFirst(half))).map { $0 + $1 }
    }

    /// What a process has after a sum.
    private struct Outcome {
        var sum: [Float]
        var exchanges: Int
        var bytesSent: Int
    }

    /// The sum that each process has in the end, made as training makes it.
    private static func sums(of gradients: [[Float]], in size: Int, elements: Int, times: Int = 1) throws
        -> [Outcome]
    {
        let results = LocalProcessGroup.run(size) { group in
            let tree = ShardTree(count: gradients.count)
            let sum = try ShardSum(tree, in: size > 1 ? group : nil, elementCount: elements)
            var exchanges = 0
            var first = [Float]()
            let partials = sum.ownNodes.map { _ in UnsafeMutablePointer<Float>.allocate(capacity: elements) }
            defer { partials.forEach { $0.deallocate() } }
            for _ in 0..<times {
                for (node, partial) in zip(sum.ownNodes, partials) {
                    partial.initialize(from: Self.sum(gradients[node]), count: elements)
                }
                try sum.sum(partials)
                exchanges = group.exchangeCount
                first = Array(UnsafeBufferPointer(start: partials[0], count: elements))
            }
            #expect(sum.seconds >= 0)
            return Outcome(sum: first, exchanges: exchanges, bytesSent: sum.bytesSent)
        }
        return try results.map { try $0.get() }
    }

    private static func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

    @Test("Every process has the bits of the serial tree", arguments: Array(1...17) + [31, 32, 33, 64, 100])
    func bitsOfTheTree(shards: Int) throws {
        for size in [1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 33, 64] where size <= shards {
            for elements in [0, 1, 15, 17, 100, 1000, 3001] where size <= 9 || elements > 100 {
                let gradients = Self.gradients(shards: shards, elements: elements, seed: UInt64(shards))
                let expected = Self.bits(Self.sum(gradients[...]))
                for (rank, outcome) in try Self.sums(of: gradients, in: size, elements: elements).enumerated()
                {
                    #expect(
                        Self.bits(outcome.sum) == expected, "process \(rank) of \(size), \(elements) elements"
                    )
                }
            }
        }
    }
}
