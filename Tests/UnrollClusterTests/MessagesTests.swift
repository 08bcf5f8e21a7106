import Foundation
import Synchronization
import Testing
import UnrollCluster

@Suite("What processes do together")
struct MessagesTests {
    private static let sizes = [1, 2, 3, 4, 5, 7, 8, 16]

    @Test("A broadcast from every process, of every length", arguments: sizes)
    func broadcast(_ size: Int) throws {
        for root in 0..<size {
            for length in [0, 1, 1000] {
                let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ root) }
                let results = try Mail.run(size) { group throws(ClusterError) in
                    try group.broadcast(group.rank == root ? bytes : [9], from: root)
                }
                #expect(results.allSatisfy { $0 == bytes })
            }
        }
    }

    @Test("What all have is gathered by rank, in number 0 and in all", arguments: sizes)
    func gather(_ size: Int) throws {
        let parts = (0..<size).map { rank in
            [UInt8](repeating: UInt8(rank), count: rank % 3 == 1 ? 0 : rank + 5)
        }
        let all = try Mail.run(size) { group throws(ClusterError) in try group.gather(parts[group.rank]) }
        #expect(all.allSatisfy { $0 == parts })
        let first = try Mail.run(size) { group throws(ClusterError) in
            try group.gatherToFirst(parts[group.rank])
        }
        #expect(first.first == parts && first.dropFirst().allSatisfy { $0 == nil })
    }

    @Test("None passes a barrier before all have come to it", arguments: sizes)
    func barrier(_ size: Int) throws {
        let arrived = Mutex(0)
        let seen = try Mail.run(size) { group throws(ClusterError) in
            Thread.sleep(forTimeInterval: Double(group.rank) / 1000)
            arrived.withLock { $0 += 1 }
            try group.barrier()
            return arrived.withLock { $0 }
        }
        #expect(seen.allSatisfy { $0 == size })
    }

    @Test("A process that is not there cannot give anything")
    func noSuchProcess() throws {
        for root in [-1, 2, Int.max] {
            #expect(throws: ClusterError.noSuchProcess(process: root, size: 2)) {
                try Mail.run(2) { group throws(ClusterError) in try group.broadcast([], from: root) }
            }
        }
    }

    @Test("Lengths that no message can have are errors")
    func tooLong() throws {
        // Number 0 says of itself what the others are to believe.
        for length in [UInt64.max, UInt64(Int.max), UInt64(Int32.max) + 1] {
            #expect(throws: ClusterError.tooLong(bytes: length, maximum: Int(Int32.max))) {
                try Mail.run(2) { group throws(ClusterError) in
                    guard group.rank == 0 else { return try group.broadcast([]) }
                    try group.send(length, to: 1)
                    return []
                }
            }
            #expect(throws: ClusterError.self) {
                try Mail.run(2) { group throws(ClusterError) in
                    guard group.rank == 1 else { return try group.gatherToFirst([1, 2, 3]) }
                    try group.send(length, to: 0)
                    return nil
                }
            }
        }
    }
}

extension ProcessGroup {
    fileprivate func send(_ number: UInt64, to peer: Int) throws(ClusterError) {
        var number = number
        let result = withUnsafeMutableBytes(of: &number) { bytes in
            Result { () throws(ClusterError) in try exchange([Transfer(.send, peer, bytes)]) }
        }
        try result.get()
    }
}

/// Threads that are processes to each other.
private final class Mail: ProcessGroup {
    /// Messages by sender and receiver, in order.
    private final class Post: Sendable {
        private let boxes = Mutex<[[Int]: [[UInt8]]]>([:])

        func put(_ bytes: [UInt8], from sender: Int, to receiver: Int) {
            boxes.withLock { $0[[sender, receiver], default: []].append(bytes) }
        }

        func take(from sender: Int, to receiver: Int) -> [UInt8] {
            while true {
                let bytes = boxes.withLock { boxes -> [UInt8]? in
                    guard let bytes = boxes[[sender, receiver]]?.first else { return nil }
                    boxes[[sender, receiver]]?.removeFirst()
                    return bytes
                }
                if let bytes { return bytes }
                Thread.sleep(forTimeInterval: 0.0001)
            }
        }
    }

    let rank: Int
    let size: Int
    private let post: Post

    private init(rank: Int, size: Int, post: Post) {
        self.rank = rank
        self.size = size
        self.post = post
    }

    func exchange(_ transfers: [Transfer]) throws(ClusterError) {
        for transfer in transfers where transfer.direction == .send {
            post.put(Array(transfer.bytes), from: rank, to: transfer.peer)
        }
        for transfer in transfers where transfer.direction == .receive {
            let bytes = post.take(from: transfer.peer, to: rank)
            #expect(bytes.count == transfer.bytes.count)
            transfer.bytes.copyBytes(from: bytes.prefix(transfer.bytes.count))
        }
    }

    func end(because reason: String) {}

    /// Runs the same in some processes, and returns what each of them does.
    static func run<Value: Sendable>(
        _ size: Int, _ body: @escaping @Sendable (Mail) throws(ClusterError) -> Value
    ) throws -> [Value] {
        let post = Post()
        let results = Mutex<[Int: Result<Value, ClusterError>]>([:])
        let done = DispatchGroup()
        for rank in 0..<size {
            done.enter()
            Thread.detachNewThread {
                let result = Result { () throws(ClusterError) in
                    try body(Mail(rank: rank, size: size, post: post))
                }
                results.withLock { $0[rank] = result }
                done.leave()
            }
        }
        done.wait()
        let all = results.withLock { $0 }
        return try (0..<size).map { try #require(all[$0]).get() }
    }
}
