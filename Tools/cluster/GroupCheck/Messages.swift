import UnrollCluster

/// Exchanges of many lengths and patterns, whose bytes are known to the receiver.
struct Messages {
    let group: MPIProcessGroup
    private var rank: Int { group.rank }
    private var size: Int { group.size }

    init(group: MPIProcessGroup) { self.group = group }

    func check() throws {
        for length in [0, 1, 7, 64, 1000, 4096, 65_536, 262_147, 5_000_000, 40_000_000] {
            try ring(length)
            if length < 1_000_000 { try everyoneToEveryone(length) }
        }
        try order()
        try broadcasts()
        try gathers()
        try refusals()
        for _ in 0..<100 { try group.barrier() }
    }

    /// Bytes that tell from whom and which they are.
    private func content(_ sender: Int, _ number: Int, _ length: Int) -> [UInt8] {
        var state = UInt32(truncatingIfNeeded: 2_654_435_761 &* (sender * 1009 + number + 1))
        return (0..<length).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }

    /// Sends and receives, and compares what has arrived.
    private func exchange(_ sends: [(peer: Int, bytes: [UInt8])], _ expects: [(peer: Int, bytes: [UInt8])])
        throws
    {
        let outgoing = sends.map { Memory($0.bytes) }
        let incoming = expects.map { Memory([UInt8](repeating: 0xA5, count: $0.bytes.count)) }
        try withExtendedLifetime((outgoing, incoming)) {
            try group.exchange(
                zip(sends, outgoing).map { Transfer(.send, $0.peer, $1.bytes) }
                    + zip(expects, incoming).map { Transfer(.receive, $0.peer, $1.bytes) })
        }
        for (expected, memory) in zip(expects, incoming) {
            let isRight = withExtendedLifetime(memory) { memory.bytes.elementsEqual(expected.bytes) }
            try Wrong.unless(isRight, "wrong \(expected.bytes.count) bytes from \(expected.peer)")
        }
    }

    private func ring(_ length: Int) throws {
        let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
        try exchange(
            [(next, content(rank, length, length))], [(previous, content(previous, length, length))])
    }

    private func everyoneToEveryone(_ length: Int) throws {
        let others = (0..<size).filter { $0 != rank }
        try exchange(
            others.map { ($0, content(rank, $0, length + $0)) },
            others.map { ($0, content($0, rank, length + rank)) })
    }

    /// Messages of different lengths to the same process arrive in order, within an exchange and from one to the next.
    private func order() throws {
        let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
        let lengths = [3, 100_000, 0, 17, 40_000, 5]
        for round in 0..<20 {
            try exchange(
                lengths.enumerated().map { (next, content(rank, round * 10 + $0, $1)) },
                lengths.enumerated().map { (previous, content(previous, round * 10 + $0, $1)) })
        }
    }

    private func broadcasts() throws {
        for root in 0..<size {
            for length in [0, 1, 1000, 1_000_000] {
                let bytes = content(root, length, length)
                let result = try group.broadcast(rank == root ? bytes : [], from: root)
                try Wrong.unless(result == bytes, "wrong broadcast of \(length) bytes from \(root)")
            }
        }
    }

    private func gathers() throws {
        for length in [0, 1, 100_000] {
            // Some have nothing to say.
            let parts = (0..<size).map { $0 % 3 == 1 ? [] : content($0, length, length + $0) }
            try Wrong.unless(try group.gather(parts[rank]) == parts, "wrong gather of \(length) bytes")
            let first = try group.gatherToFirst(parts[rank])
            try Wrong.unless(first == (rank == 0 ? parts : nil), "wrong gather of \(length) bytes to 0")
        }
    }

    private func refusals() throws {
        for peer in [rank, -1, size, Int.max] {
            let result = Result { () throws(ClusterError) in
                try group.exchange([
                    Transfer(.send, peer, UnsafeMutableRawBufferPointer(start: nil, count: 0))
                ])
            }
            guard case .failure(.noSuchProcess(peer, size)) = result else {
                throw Wrong("a message to \(peer) is not refused")
            }
        }
    }
}

/// Bytes that stay where they are.
private final class Memory {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ content: [UInt8]) {
        bytes = .allocate(byteCount: content.count, alignment: 64)
        bytes.copyBytes(from: content)
    }

    deinit { bytes.deallocate() }
}
