import Foundation
import UnrollCluster

/// A process that ends, while others wait for it and one computes.
struct Ending {
    let group: MPIProcessGroup
    /// The process that ends.
    let rank: Int

    /// - Parameter way: `kill`, `stop`, `exit`, `end`, `compute`: ends while all others compute, or
    ///   `length`: sends a message that is longer than the receiver expects.
    /// - Throws: `ClusterError` in the others, and `Wrong` in the one that ends.
    func happen(_ way: String) throws {
        try group.barrier()
        if way == "length", group.rank == (rank + 1) % group.size { try exchange(.receive, with: rank, 5) }
        guard group.rank == rank else {
            // The others wait in an exchange with the next, but one of them, which does not look.
            if way == "compute" || group.rank == (rank + 2) % group.size { compute() }
            try group.barrier()
            throw Wrong("process \(rank) has not ended")
        }
        // The others are to be in the middle of it.
        Thread.sleep(forTimeInterval: 0.3)
        FileHandle.standardError.write(Data("@ \(Date().timeIntervalSince1970)\n".utf8))
        switch way {
        case "kill": kill(getpid(), SIGKILL)
        case "stop": kill(getpid(), SIGSTOP)
        case "exit": exit(3)
        case "length":
            try exchange(.send, with: (rank + 1) % group.size, 100)
            try group.barrier()
        case "end", "compute": throw Wrong("cannot go on")
        default: throw Wrong("an unknown way to end")
        }
        // One that was stopped goes on if the launcher wants to end it.
        compute()
    }

    private func exchange(_ direction: Transfer.Direction, with peer: Int, _ count: Int) throws {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        defer { bytes.deallocate() }
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        try group.exchange([Transfer(direction, peer, bytes)])
    }

    private func compute() {
        let start = SuspendingClock.now
        var number = 1.0
        while start.duration(to: .now) < .seconds(30) {
            number = (number * 1.01).truncatingRemainder(dividingBy: 7)
        }
        if number < 0 { print(number) }
    }
}
