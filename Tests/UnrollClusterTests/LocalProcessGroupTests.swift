import Testing
import UnrollCluster
import UnrollTestSupport

@Suite("Threads as a group of processes")
struct LocalProcessGroupTests {
    /// Exchanges one message, of so many bytes at each end.
    private static func exchange(sent: Int, expected: Int, peer: Int = 1) -> [Result<[UInt8], any Error>] {
        LocalProcessGroup.run(2, patience: 0.2) { group in
            let isSender = group.rank == 0
            var bytes = [UInt8](repeating: isSender ? 7 : 0, count: isSender ? sent : expected)
            try bytes.withUnsafeMutableBytes { bytes in
                try group.exchange([
                    Transfer(isSender ? .send : .receive, isSender ? peer : 0, bytes)
                ])
            }
            return bytes
        }
    }

    @Test func messagesArrive() throws {
        for count in [0, 1, 1000] {
            #expect(
                try Self.exchange(sent: count, expected: count)[1].get() == Array(repeating: 7, count: count))
        }
    }

    @Test func lengthsMustAgree() {
        for result in Self.exchange(sent: 3, expected: 4) {
            guard
                case .failed(_, _, _, let reason) = #expect(
                    throws: ClusterError.self, performing: { try result.get() })
            else {
                Issue.record("another error")
                continue
            }
            #expect(reason == "process 1 expects 4 bytes of process 0, which sends 3")
        }
    }

    @Test(arguments: [0, -1, 2]) func messagesGoToOthers(peer: Int) {
        for result in Self.exchange(sent: 1, expected: 1, peer: peer) {
            #expect(throws: ClusterError.self) { try result.get() }
        }
    }

    @Test func whoNeverComesIsLost() {
        let results = LocalProcessGroup.run(2, patience: 0.1) { group in
            guard group.rank == 0 else { return }
            var byte: UInt8 = 0
            try withUnsafeMutableBytes(of: &byte) { try group.exchange([Transfer(.receive, 1, $0)]) }
        }
        #expect(throws: ClusterError.lost(process: 1, host: "local", seconds: 0.1)) { try results[0].get() }
    }

    // What a transport with small buffers does: processes that disagree on the order of their messages wait for each other.
    @Test func aMessageIsSentWhenItIsReceived() {
        let results = LocalProcessGroup.run(2, patience: 0.1) { group in
            var bytes: [UInt8] = [1, 2]
            try bytes.withUnsafeMutableBytes { bytes in
                try group.exchange([Transfer(.send, 1 - group.rank, bytes)])
                try group.exchange([Transfer(.receive, 1 - group.rank, bytes)])
            }
        }
        for result in results { #expect(throws: ClusterError.self) { try result.get() } }
    }
}
