import Foundation
import Testing
import UnrollBase
import UnrollCluster
import UnrollTestSupport

@Suite("Sums over shards")
struct ShardSumTests {
    /// What a process has after its sums.
    private struct Outcome {
        var sum: [Float]
        var exchanges: Int
        var bytesSent: Int
    }

    /// Floats of very different sizes, for whose sums the order matters.
    private static func gradients(shards: Int, elements: Int) -> [[Float]] {
        var random = RandomSource(seed: UInt64(shards), purpose: .masks)
        return (0..<shards).map { _ in
            (0..<elements).map { _ in
                let bits = random.next()
                let fraction = Float(Int32(truncatingIfNeeded: bits)) / Float(Int32.max)
                return fraction * Float(sign: .plus, exponent: Int((bits >> 32) % 40) - 20, significand: 1)
            }
        }
    }

    /// The sum of a node, by its definition.
    private static func sum(_ gradients: ArraySlice<[Float]>) -> [Float] {
        guard gradients.count > 1 else { return gradients.first ?? [] }
        let half = (gradients.count + 1) / 2
        return zip(sum(gradients.prefix(half)), sum(gradients.dropFirst(half))).map { $0 + $1 }
    }

    /// What each process has after so many sums of the same gradients.
    private static func sums(of gradients: [[Float]], in size: Int, times: Int = 1) throws -> [Outcome] {
        let elements = gradients[0].count
        let results = LocalProcessGroup.run(size) { group in
            let sum = try ShardSum(ShardTree(count: gradients.count), in: group, elementCount: elements)
            let partials = sum.ownNodes.map { _ in
                UnsafeMutablePointer<Float>.allocate(capacity: elements)
            }
            defer { for partial in partials { partial.deallocate() } }
            for _ in 0..<times {
                for (node, partial) in zip(sum.ownNodes, partials) {
                    partial.initialize(from: Self.sum(gradients[node]), count: elements)
                }
                try sum.sum(partials)
            }
            return Outcome(
                sum: Array(UnsafeBufferPointer(start: partials[0], count: elements)),
                exchanges: group.exchangeCount, bytesSent: sum.bytesSent)
        }
        return try results.map { try $0.get() }
    }

    /// The first element whose bits differ, if any; NaNs are all alike, as the processor chooses whose payload a sum has.
    private static func difference(_ values: [Float], _ expected: [Float]) -> Int? {
        guard values.count == expected.count else { return min(values.count, expected.count) }
        return values.indices.first {
            values[$0].bitPattern != expected[$0].bitPattern && !(values[$0].isNaN && expected[$0].isNaN)
        }
    }

    @Test("Every process has the bits of the serial tree", arguments: Array(1...17) + [31, 32, 33, 64, 100])
    func bitsOfTheTree(shards: Int) throws {
        for size in Array(1...9) + [16, 31, 33, 64, 100] where size <= shards {
            for elements in size <= 9 ? [0, 1, 15, 17, 100, 1000, 3001] : [33, 3001] {
                let gradients = Self.gradients(shards: shards, elements: elements)
                let expected = Self.sum(gradients[...])
                for (rank, outcome) in try Self.sums(of: gradients, in: size).enumerated() {
                    #expect(
                        Self.difference(outcome.sum, expected) == nil,
                        "process \(rank) of \(size), \(elements) elements")
                }
            }
        }
    }

    @Test("The order of additions shows in the bits of these tests")
    func orderMatters() {
        let gradients = Self.gradients(shards: 8, elements: 1000)
        let serial = gradients.dropFirst().reduce(gradients[0]) { zip($0, $1).map { $0 + $1 } }
        #expect(Self.difference(serial, Self.sum(gradients[...])) != nil)
    }

    @Test("One object makes many sums", arguments: [(8, 3), (8, 8), (7, 5)])
    func manySums(shards: Int, size: Int) throws {
        let gradients = Self.gradients(shards: shards, elements: 500)
        let expected = Self.sum(gradients[...])
        let once = try Self.sums(of: gradients, in: size)
        for (rank, outcome) in try Self.sums(of: gradients, in: size, times: 4).enumerated() {
            #expect(Self.difference(outcome.sum, expected) == nil)
            #expect(outcome.bytesSent == 4 * once[rank].bytesSent)
            #expect(outcome.exchanges == 4 * once[rank].exchanges)
        }
    }

    private struct Vectors: Decodable {
        var gradients: [[UInt32]]
        var sum: [UInt32]
    }

    @Test("Sums are those of numpy, with infinities and what is not a number")
    func oracle() throws {
        let file = try #require(
            Bundle.module.url(forResource: "sums", withExtension: "json", subdirectory: "Oracles"))
        let cases = try JSONDecoder().decode([Vectors].self, from: Data(contentsOf: file))
        #expect(cases.count == 9)
        var kinds = Set<FloatingPointClassification>()
        for vectors in cases {
            let gradients = vectors.gradients.map { $0.map { Float(bitPattern: $0) } }
            let expected = vectors.sum.map { Float(bitPattern: $0) }
            kinds.formUnion(expected.map(\.floatingPointClass))
            for size in 1...gradients.count {
                for outcome in try Self.sums(of: gradients, in: size) {
                    #expect(Self.difference(outcome.sum, expected) == nil, "\(size) processes")
                }
            }
        }
        #expect(kinds.isSuperset(of: [.positiveInfinity, .negativeInfinity, .quietNaN, .negativeNormal]))
    }

    @Test("Bytes and exchanges are those of the plan", arguments: [(8, 8), (8, 3), (17, 9), (3, 3)])
    func traffic(shards: Int, size: Int) throws {
        let elements = 4000
        let plan = SumPlan(ShardTree(count: shards), size: size)
        var sent = [Int](repeating: 0, count: size)
        var rounds = [Set<Int>](repeating: [], count: size)
        plan.forEachMessage(elementCount: elements) { message in
            sent[message.sender] += 4 * message.elements.count
            rounds[message.sender].insert(message.round)
            rounds[message.receiver].insert(message.round)
        }
        let outcomes = try Self.sums(of: Self.gradients(shards: shards, elements: elements), in: size)
        #expect(outcomes.map(\.bytesSent) == sent)
        #expect(outcomes.map(\.exchanges) == rounds.map(\.count))
    }

    @Test("Without a group, the only node is the sum")
    func alone() throws {
        let sum = try ShardSum(ShardTree(count: 5), in: nil, elementCount: 3)
        #expect(sum.ownShards == 0..<5)
        #expect(sum.ownNodes == [0..<5])
        var values: [Float] = [1, 2, 3]
        try values.withUnsafeMutableBufferPointer { try sum.sum([#require($0.baseAddress)]) }
        #expect(values == [1, 2, 3])
        #expect(sum.bytesSent == 0)
    }

    @Test("More processes than shards, and counts out of range, are errors")
    func refused() throws {
        for result in LocalProcessGroup.run(
            3, { try ShardSum(ShardTree(count: 2), in: $0, elementCount: 1).ownNodes })
        {
            #expect(
                throws: ParameterError.outOfRange(
                    parameter: "shardCount", value: "2", allowed: "at least the number of processes, 3")
            ) { try result.get() }
        }
        for count in [-1, .min, .max] {
            #expect(throws: ParameterError.self) {
                try ShardSum(ShardTree(count: 1), in: nil, elementCount: count)
            }
        }
    }

    @Test("A process that ends is an error in all others")
    func ended() {
        let results = LocalProcessGroup.run(4) { group in
            let sum = try ShardSum(ShardTree(count: 4), in: group, elementCount: 1000)
            let partial = UnsafeMutablePointer<Float>.allocate(capacity: 1000)
            defer { partial.deallocate() }
            partial.initialize(repeating: 1, count: 1000)
            try sum.sum([partial])
            if group.rank == 2 { return group.end(because: "the disk is full") }
            try sum.sum([partial])
        }
        for (rank, result) in results.enumerated() where rank != 2 {
            #expect(throws: ClusterError.ended(process: 2, host: "local", reason: "the disk is full")) {
                try result.get()
            }
        }
        #expect(throws: Never.self) { try results[2].get() }
    }

    @Test("A process that never comes is lost to all others")
    func lost() {
        let results = LocalProcessGroup.run(3, patience: 0.1) { group in
            guard group.rank > 0 else { return }
            let sum = try ShardSum(ShardTree(count: 3), in: group, elementCount: 100)
            let partial = UnsafeMutablePointer<Float>.allocate(capacity: 100)
            defer { partial.deallocate() }
            partial.initialize(repeating: 1, count: 100)
            try sum.sum([partial])
        }
        for result in results.dropFirst() {
            #expect(throws: ClusterError.lost(process: 0, host: "local", seconds: 0.1)) { try result.get() }
        }
    }
}
