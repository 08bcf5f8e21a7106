import Foundation
import Testing
import UnrollBase
import UnrollCluster

@Suite("The plan of sums over shards")
struct SumPlanTests {
    private struct Case: Decodable {
        var shards: Int
        var size: Int
        var elements: Int
        var count: Int
        var digest: String
        var lines: [String]?
    }

    @Test("Messages are those of the simulation's plan")
    func oracle() throws {
        let file = try #require(
            Bundle.module.url(forResource: "messages", withExtension: "json", subdirectory: "Oracles"))
        let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
        #expect(cases.count == 21)
        for expected in cases {
            var (hash, lines) = (SHA256(), [String]())
            SumPlan(ShardTree(count: expected.shards), size: expected.size)
                .forEachMessage(elementCount: expected.elements) { message in
                    let elements = message.elements
                    let line =
                        "\(message.round) \(message.sender) \(message.receiver) "
                        + "\(elements.lowerBound) \(elements.upperBound)"
                    hash.update("\(line)\n".utf8)
                    lines.append(line)
                }
            let name: Comment = "\(expected.shards) shards, \(expected.size) processes"
            if let first = expected.lines { #expect(lines == first, name) }
            #expect(lines.count == expected.count, name)
            #expect(Checksum.hexadecimal(hash.finalize()) == expected.digest, name)
        }
    }

    /// What the processes send and receive.
    private struct Traffic {
        var sent: [Int]
        var received: [Int]
        var messages = 0

        init(_ plan: SumPlan, elements: Int) {
            sent = Array(repeating: 0, count: plan.size)
            received = sent
            plan.forEachMessage(elementCount: elements) { message in
                sent[message.sender] += message.elements.count
                received[message.receiver] += message.elements.count
                messages += 1
            }
        }

        /// The floats of the busiest process.
        var most: Int { max(sent.max() ?? 0, received.max() ?? 0) }
    }

    private static func levels(_ count: Int) -> Int { Int.bitWidth - (count - 1).leadingZeroBitCount }

    @Test("A power of two of processes sends as few floats as possible, each to one other in a round")
    func powersOfTwo() {
        let elements = 1 << 15
        for shards in Array(1...40) + [64, 100, 256, 1000] {
            for size in [1, 2, 4, 8, 16, 32, 64, 128, 256] where size <= shards {
                let plan = SumPlan(ShardTree(count: shards), size: size)
                let traffic = Traffic(plan, elements: elements)
                #expect(Set(traffic.sent + traffic.received) == [2 * elements / size * (size - 1)])
                #expect(plan.roundCount == 2 * Self.levels(size))
                #expect(traffic.messages == size * plan.roundCount)
            }
        }
    }

    @Test("As many processes as shards send as few floats together as possible, and none many more")
    func oneShardEach() {
        let elements = 1 << 15
        for size in Array(2...70) + [100, 127, 129, 255, 257, 1000] {
            let plan = SumPlan(ShardTree(count: size), size: size)
            let traffic = Traffic(plan, elements: elements)
            let fewest = 2 * elements * (size - 1)
            // Slices that begin at multiples of 16 floats are not quite equal.
            let rounding = 32 * plan.roundCount
            #expect(traffic.sent.reduce(0, +) <= fewest + rounding * size)
            #expect(traffic.most <= fewest * 115 / 100 / size + rounding)
            #expect(plan.roundCount == 2 * Self.levels(size))
        }
    }

    @Test("Shares that are no nodes cost floats for each level that they lack, in O(log S) rounds")
    func otherShares() {
        let elements = 1 << 14
        for shards in Array(2...50) + [130, 145, 400, 1025] {
            for size in Array(2...20) + [33, 65, 99, 129] where size <= shards {
                let plan = SumPlan(ShardTree(count: shards), size: size)
                let traffic = Traffic(plan, elements: elements)
                let lacking = Double(Self.levels((shards + size - 1) / size))
                #expect(Double(traffic.most) <= (4.5 + lacking / 2) * Double(elements))
                #expect(
                    Double(traffic.sent.reduce(0, +))
                        <= (2.75 + lacking / 2) * Double(elements * (size - 1)))
                #expect(plan.roundCount <= 2 * Self.levels(shards))
            }
        }
    }

    @Test(
        "A plan of thousands of processes is made of few messages",
        arguments: [(4096, 4096), (5000, 4096), (8191, 4095)])
    func manyProcesses(shards: Int, size: Int) {
        let plan = SumPlan(ShardTree(count: shards), size: size)
        let traffic = Traffic(plan, elements: 1_300_000)
        // Two or three messages of a process in a round.
        #expect(traffic.messages <= 3 * size * plan.roundCount)
        #expect(plan.roundCount <= 2 * Self.levels(shards))
        // The work of making it: every holder of every node, and every overlap of slices, once.
        #expect(plan.holderCount <= 2 * size * Self.levels(shards))
    }

    @Test("Slices are equal up to 16 floats, and cover all elements")
    func slices() {
        for count in [1, 2, 3, 7, 64, 4096] {
            for elements in [0, 1, 15, 16, 17, 1000, 1 << 20, 1 << 48] {
                let slices = (0..<count).map { SumPlan.slice($0, of: count, elementCount: elements) }
                #expect(slices.first?.lowerBound == 0)
                #expect(slices.last?.upperBound == elements)
                #expect(zip(slices, slices.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
                #expect(slices.allSatisfy { $0.isEmpty || $0.lowerBound % 16 == 0 })
                let lengths = slices.map(\.count)
                #expect((lengths.max() ?? 0) - (lengths.min() ?? 0) <= 31)
            }
        }
    }
}
