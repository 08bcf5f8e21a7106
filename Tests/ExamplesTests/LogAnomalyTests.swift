import Foundation
import LogAnomaly
import Testing
import Unroll

@Suite struct LogAnomalyTests {
    /// Lines of a server that does the same all day.
    private func usualLines(_ count: Int, seed: UInt64) -> [String] {
        var random = RandomSource(seed: seed, purpose: .generation)
        return (0..<count).map { _ in
            let time = [24, 60, 60].map { String(format: "%02d", random.integer(below: $0)) }
            let page = ["/index.html", "/about.html", "/news.html", "/login"][random.integer(below: 4)]
            return "\(time.joined(separator: ":")) GET \(page) 200 \(random.integer(below: 90) + 10) ms"
        }
    }

    @Test func linesOutOfTheOrdinaryAreFoundAndMarked() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "unroll-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (usual, log) = (folder.appending(path: "usual.log"), folder.appending(path: "log"))
        try usualLines(2_000, seed: 1).map { $0 + "\n" }.joined().write(
            to: usual, atomically: true, encoding: .utf8)
        var lines = usualLines(200, seed: 2)
        lines[30] = "12:04:55 GET /../../etc/passwd 200 14 ms"
        lines[176] = "03:11:20 GET /index.html 500 85 ms: connection reset by peer"
        // Not even text, which must not keep it from the lines around.
        let invalid = Data("12:04:55 GET /".utf8) + [0xFF, 0xFE, 0x80, 0xC3] + Data(" 200 14 ms\n".utf8)
        let parts = [lines[..<100], lines[100...]].map { Data($0.map { $0 + "\n" }.joined().utf8) }
        try (parts[0] + invalid + parts[1]).write(to: log)

        let detector = try await AnomalyDetector(learningFrom: usual, epochs: 5)
        var found: [Int: TextScore] = [:]
        try await detector.forEachAnomaly(in: log) { found[$0.number] = $0.score }
        let marked = found.mapValues { $0.marked() }
        #expect(found.keys.sorted() == [31, 101, 178], "\(marked)")
        #expect(marked[101]?.contains(#"\xFF\xFE\x80\xC3"#) == true)
        for (number, oddity) in [(31, "/../../etc/passwd"), (178, "500"), (178, "connection reset by peer")] {
            let span = found[number].flatMap { score in score.span.map { score.text(of: $0.tokens) } }
            #expect(span?.contains(oddity) == true, "\(marked)")
        }
    }
}
