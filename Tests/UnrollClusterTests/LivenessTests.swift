import Testing
import UnrollCluster

@Suite("Processes that watch over each other")
struct LivenessTests {
    @Test("Nothing happens as long as all live, however long that is", arguments: [2, 3, 64])
    func alive(_ size: Int) {
        var network = Network(size: size)
        network.run(for: .seconds(300))
        #expect(network.failures.allSatisfy { $0 == nil })
        // Each tells number 0, and it tells each, once in a second.
        #expect(abs(network.sent - 300 * 2 * (size - 1)) <= 4 * size)
    }

    @Test("A process that is silent for eight seconds is lost, in all others at once")
    func lost() {
        for process in [0, 1, 4] {
            var network = Network(size: 5)
            network.run(for: .seconds(20))
            network.stopped = [process]
            network.run(for: .milliseconds(6900))
            #expect(network.failures.allSatisfy { $0 == nil })
            network.run(for: .milliseconds(2000))
            for (rank, failure) in network.failures.enumerated() where rank != process {
                #expect(failure == .lost(process: process, host: "host\(process)", seconds: 8.05))
                #expect(network.processes[rank].isSilent)
            }
            let reporters = network.failures.indices.filter {
                network.failures[$0]?.isReported(by: $0) ?? false
            }
            #expect(reporters == [process == 0 ? 1 : 0])
        }
    }

    @Test("What one process says ends all within a quarter of a second")
    func ended() {
        for process in [0, 3] {
            var network = Network(size: 5)
            network.run(for: .seconds(3))
            network.processes[process].end(because: "a full disk")
            network.run(for: .milliseconds(250))
            let expected = ClusterError.ended(process: process, host: "host\(process)", reason: "a full disk")
            #expect(network.failures.allSatisfy { $0 == expected })
            #expect(network.processes.allSatisfy { $0.isSilent })
        }
    }

    @Test("The first reason stays, though others follow")
    func first() {
        var network = Network(size: 3)
        network.run(for: .seconds(3))
        network.processes[1].end(because: "one")
        network.processes[1].end(because: "another")
        network.run(for: .milliseconds(250))
        network.processes[2].end(because: "third")
        network.stopped = [0]
        network.run(for: .seconds(20))
        for failure in network.failures {
            #expect(failure == .ended(process: 1, host: "host1", reason: "one"))
        }
    }

    @Test("Two that end at once both know soon that all know")
    func together() {
        var network = Network(size: 4)
        network.run(for: .seconds(3))
        network.processes[1].end(because: "one")
        network.processes[2].end(because: "two")
        network.run(for: .milliseconds(250))
        #expect(network.processes.allSatisfy { $0.isSilent })
        #expect(network.failures[3] == .ended(process: 1, host: "host1", reason: "one"))
    }

    @Test("A failure of MPI in one process ends all, with its reason")
    func transport() {
        let error = ClusterError.failed(library: "libmpi", version: "1", function: "MPI_Isend", reason: "no")
        var network = Network(size: 3)
        network.run(for: .seconds(3))
        network.processes[2].fail(error)
        network.run(for: .seconds(1))
        let told = ClusterError.ended(process: 2, host: "host2", reason: error.description)
        #expect(network.failures == [told, told, error])
    }

    @Test("A process ends though nothing that it says arrives")
    func cut() {
        var network = Network(size: 3)
        network.run(for: .seconds(3))
        network.cut = [2]
        for _ in 0..<9 {
            // More calls than one change nothing.
            network.processes[2].end(because: "alone")
            network.run(for: .milliseconds(100))
            #expect(!network.processes[2].isSilent)
        }
        network.run(for: .milliseconds(200))
        #expect(network.processes[2].isSilent)
        network.run(for: .seconds(9))
        #expect(network.failures[0] == .lost(process: 2, host: "host2", seconds: 8.05))
    }

    @Test("A group that is stopped as a whole goes on; a process that lags does not lose the others")
    func stoppedTogether() {
        var network = Network(size: 3)
        network.run(for: .seconds(3))
        network.skip(.seconds(3600))
        network.run(for: .seconds(20))
        #expect(network.failures.allSatisfy { $0 == nil })
        // Shorter than the others wait.
        network.stopped = [1]
        network.run(for: .seconds(6))
        network.stopped = []
        network.run(for: .seconds(20))
        #expect(network.failures.allSatisfy { $0 == nil })
    }

    @Test("One that was stopped learns that it is lost when it goes on")
    func returning() {
        var network = Network(size: 3)
        network.run(for: .seconds(3))
        network.stopped = [1]
        network.run(for: .seconds(30))
        network.stopped = []
        network.run(for: .seconds(1))
        #expect(network.failures[1] == .lost(process: 1, host: "host1", seconds: 8.05))
    }

    @Test("All leave together, and nothing is under way then")
    func leaving() {
        var network = Network(size: 4)
        network.run(for: .seconds(3))
        // Number 0, to which all speak, is last.
        for rank in (0..<4).reversed() {
            #expect(network.processes.allSatisfy { !$0.hasLeft })
            network.processes[rank].leave()
            network.run(for: .milliseconds(300))
        }
        #expect(network.processes.allSatisfy { $0.hasLeft })
        #expect(network.failures.allSatisfy { $0 == nil } && network.isEmpty)
    }

    @Test("Notices from processes that are not there do not count")
    func strangers() {
        var network = Network(size: 3)
        network.processes[0].receive(Notice(from: 3, on: "x", .ended(process: 3, host: "x", reason: "no")))
        network.processes[1].receive(Notice(from: 2, on: "x", .ended(process: 2, host: "x", reason: "no")))
        network.processes[1].receive(Notice(from: Int.max, on: "x", .alive))
        network.processes[0].receive(Notice(from: 0, on: "x", .leaving))
        network.run(for: .seconds(10))
        #expect(network.failures.allSatisfy { $0 == nil })
    }
}

/// Processes whose notices arrive after a while, with a clock that only this moves.
private struct Network {
    var processes: [Liveness]
    /// Processes that do nothing.
    var stopped: Set<Int> = []
    /// Processes from and to which nothing arrives.
    var cut: Set<Int> = []
    private(set) var sent = 0
    private var time = Duration.zero
    private var underWay: [(time: Duration, peer: Int, notice: Notice)] = []

    private static let step = Duration.milliseconds(50)
    private static let delay = Duration.milliseconds(10)

    init(size: Int) {
        processes = (0..<size).map {
            Liveness(rank: $0, size: size, host: "host\($0)", times: LivenessTimes(), now: .zero)
        }
    }

    var failures: [ClusterError?] { processes.map(\.failure) }
    var isEmpty: Bool { underWay.isEmpty }

    mutating func skip(_ duration: Duration) { time += duration }

    mutating func run(for duration: Duration) {
        let end = time + duration
        while time < end {
            time += Self.step
            for rank in processes.indices where !stopped.contains(rank) {
                for message in underWay where message.peer == rank && message.time <= time {
                    processes[rank].receive(message.notice)
                }
                underWay.removeAll { $0.peer == rank && $0.time <= time }
                guard let notice = processes[rank].advance(to: time, hasSent: true) else { continue }
                for peer in processes[rank].peerRanks {
                    sent += 1
                    if cut.contains(rank) || cut.contains(peer) { continue }
                    underWay.append((time + Self.delay, peer, notice))
                }
            }
        }
    }
}
