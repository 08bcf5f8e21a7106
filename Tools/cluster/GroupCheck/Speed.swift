import UnrollCluster

/// How long messages between two processes take.
struct Speed {
    let group: MPIProcessGroup

    /// Prints a line for each length: the median time of a message, in microseconds, and the bytes of a second, both ways.
    func measure() throws {
        let count = 40_000_000
        let outgoing = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        defer {
            outgoing.deallocate()
            incoming.deallocate()
        }
        outgoing.initializeMemory(as: UInt8.self, repeating: 1)
        incoming.initializeMemory(as: UInt8.self, repeating: 2)
        for length in [0, 8, 1024, 16_384, 262_144, 5_242_880, count] {
            let rounds = length < 100_000 ? 1001 : 11
            let peer = group.rank ^ 1
            try group.barrier()
            guard peer < group.size else { continue }
            var times: [Duration] = []
            for _ in 0..<rounds {
                let start = SuspendingClock.now
                try group.exchange([
                    Transfer(.send, peer, UnsafeMutableRawBufferPointer(rebasing: outgoing[..<length])),
                    Transfer(.receive, peer, UnsafeMutableRawBufferPointer(rebasing: incoming[..<length])),
                ])
                times.append(start.duration(to: .now))
            }
            guard group.rank == 0 else { continue }
            let median = times.sorted()[rounds / 2] / .microseconds(1)
            print("  \(length) bytes both ways: \(median) microseconds, \(Double(length) / median) MB/s each")
        }
    }
}
