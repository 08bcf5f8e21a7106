import Foundation
import UnrollCluster

/// Threads of this process as a group, for tests.
///
/// It is stricter than the contract: a message is sent when it has been received, so that processes which disagree on the
/// order of their messages wait for each other. A message of another length than its receiver expects is an error.
package final class LocalProcessGroup: ProcessGroup {
    package let rank: Int
    package var size: Int { hub.size }
    private let hub: Hub

    private init(rank: Int, hub: Hub) {
        self.rank = rank
        self.hub = hub
    }

    /// Runs a function as each of so many processes.
    ///
    /// A process that returns before the others has left without a word: who waits for it finds it lost.
    ///
    /// - Parameters:
    ///   - size: The number of processes, at least 1.
    ///   - patience: The seconds after which a process that has not answered is lost. Default: 60.
    ///   - body: What each process does, in a thread of its own.
    /// - Returns: What it has returned or thrown in each process.
    package static func run<Value: Sendable>(
        _ size: Int, patience: Double = 60, _ body: @escaping @Sendable (LocalProcessGroup) throws -> Value
    ) -> [Result<Value, any Error>] {
        let hub = Hub(size: size, patience: patience)
        let results = Results<Value>(count: size)
        for rank in 0..<size {
            Thread { results.set(rank, Result { try body(LocalProcessGroup(rank: rank, hub: hub)) }) }.start()
        }
        return results.wait()
    }

    /// The same, where a process that throws tells the others, as programs do; so the others have patience.
    package static func runEnding<Value: Sendable>(
        _ size: Int, _ body: @escaping @Sendable (LocalProcessGroup) throws -> Value
    ) -> [Result<Value, any Error>] {
        run(size, patience: 600) { group in
            do {
                return try body(group)
            } catch {
                group.end(because: "\(error)")
                throw error
            }
        }
    }

    package func exchange(_ transfers: [Transfer]) throws(ClusterError) {
        try hub.exchange(transfers, of: rank)
    }

    package func end(because reason: String) {
        hub.fail(.ended(process: rank, host: "local", reason: reason))
    }

    /// The exchanges of a process so far.
    package var exchangeCount: Int { hub.exchangeCounts(of: rank) }
}

/// What the threads share, under the lock of a condition.
private final class Hub: @unchecked Sendable {
    /// A message that waits for its receiver, who copies it out of the sender's memory.
    private final class Parcel {
        let bytes: UnsafeMutableRawBufferPointer
        var isTaken = false

        init(_ bytes: UnsafeMutableRawBufferPointer) {
            self.bytes = bytes
        }
    }

    let size: Int
    private let patience: Double
    private let condition = NSCondition()
    private var parcels: [[[Parcel]]]
    private var exchanges: [Int]
    private var failure: ClusterError?

    init(size: Int, patience: Double) {
        self.size = size
        self.patience = patience
        parcels = Array(repeating: Array(repeating: [], count: size), count: size)
        exchanges = Array(repeating: 0, count: size)
    }

    func exchangeCounts(of rank: Int) -> Int {
        condition.withLock { exchanges[rank] }
    }

    func fail(_ error: ClusterError) {
        condition.withLock {
            failure = failure ?? error
            condition.broadcast()
        }
    }

    func exchange(_ transfers: [Transfer], of rank: Int) throws(ClusterError) {
        condition.lock()
        defer { condition.unlock() }
        exchanges[rank] += 1
        var sent = [(parcel: Parcel, peer: Int)]()
        for transfer in transfers {
            guard (0..<size).contains(transfer.peer), transfer.peer != rank else {
                throw broken("process \(rank) exchanges a message with process \(transfer.peer)")
            }
            guard transfer.direction == .send else { continue }
            let parcel = Parcel(transfer.bytes)
            parcels[rank][transfer.peer].append(parcel)
            sent.append((parcel, transfer.peer))
        }
        condition.broadcast()
        for transfer in transfers where transfer.direction == .receive {
            try wait(for: transfer.peer) { !parcels[transfer.peer][rank].isEmpty }
            let parcel = parcels[transfer.peer][rank].removeFirst()
            guard parcel.bytes.count == transfer.bytes.count else {
                throw broken(
                    "process \(rank) expects \(transfer.bytes.count) bytes of process \(transfer.peer), "
                        + "which sends \(parcel.bytes.count)")
            }
            transfer.bytes.copyMemory(from: UnsafeRawBufferPointer(parcel.bytes))
            parcel.isTaken = true
            condition.broadcast()
        }
        for (parcel, peer) in sent { try wait(for: peer) { parcel.isTaken } }
        if let failure { throw failure }
    }

    /// Waits until something is so, or the group has failed, or the other process has not answered.
    private func wait(for peer: Int, until isSo: () -> Bool) throws(ClusterError) {
        let end = Date(timeIntervalSinceNow: patience)
        while failure == nil, !isSo() {
            if !condition.wait(until: end), failure == nil, !isSo() {
                failure = .lost(process: peer, host: "local", seconds: patience)
                condition.broadcast()
            }
        }
        if let failure { throw failure }
    }

    /// A breach of the contract, which fails the whole group.
    private func broken(_ reason: String) -> ClusterError {
        let error = ClusterError.failed(
            library: "LocalProcessGroup", version: "1", function: "exchange", reason: reason)
        failure = failure ?? error
        condition.broadcast()
        return error
    }
}

/// What the threads have returned.
private final class Results<Value: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var results: [Result<Value, any Error>?]

    init(count: Int) {
        results = Array(repeating: nil, count: count)
    }

    func set(_ rank: Int, _ result: Result<Value, any Error>) {
        condition.withLock {
            results[rank] = result
            condition.broadcast()
        }
    }

    func wait() -> [Result<Value, any Error>] {
        condition.withLock {
            while results.contains(where: { $0 == nil }) { condition.wait() }
            return results.compactMap { $0 }
        }
    }
}
