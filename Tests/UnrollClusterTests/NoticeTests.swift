import Testing
import UnrollBase
import UnrollCluster

@Suite("Notices")
struct NoticeTests {
    private let notices = [
        Notice(from: 7, on: "node7", .alive),
        Notice(from: 0, on: "", .leaving),
        Notice(from: 0, on: "node0", .lost(process: 4095, host: "knöten", seconds: 8.25)),
        Notice(from: 3, on: "node3", .ended(process: 3, host: "node3", reason: "notes.txt: no such file")),
    ]

    @Test("A notice is the same after its way, also with other bytes behind it")
    func roundTrip() {
        for notice in notices {
            #expect(Notice(notice.bytes) == notice)
            #expect(Notice(notice.bytes + [0xA5, 0xA5]) == notice)
            #expect(notice.bytes.count <= Notice.maximumBytes)
        }
    }

    @Test("Long names and reasons are cut between characters")
    func cut() throws {
        let reason = String(repeating: "é", count: 2000)
        let notice = Notice(from: 1, on: reason, .ended(process: 1, host: reason, reason: reason))
        #expect(notice.bytes.count <= Notice.maximumBytes)
        let read = try #require(Notice(notice.bytes))
        #expect(read.host == String(repeating: "é", count: 32))
        guard case .ended(1, _, let short) = read.content else {
            Issue.record("not the content")
            return
        }
        #expect(short == String(repeating: "é", count: 400))
    }

    @Test("Damaged notices are none, or others, and never a trap")
    func damaged() {
        var random = RandomSource(seed: 1, purpose: .generation)
        for notice in notices {
            let bytes = notice.bytes
            for count in bytes.indices { #expect(Notice(bytes.prefix(count)) == nil) }
            for _ in 0..<2000 {
                var other = bytes
                other[Int(random.next() % UInt64(other.count))] = UInt8(truncatingIfNeeded: random.next())
                _ = Notice(other)
            }
        }
        #expect(Notice([2] + notices[0].bytes.dropFirst()) == nil)
    }
}
