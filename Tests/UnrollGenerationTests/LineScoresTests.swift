import Foundation
import Testing
import UnrollBase
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct LineScoresTests {
    private let folder: TemporaryFolder
    private let model: LanguageModel

    init() throws {
        folder = try TemporaryFolder()
        model = try .untrained(text: "time traveller\n,.-")
    }

    private func scores(_ name: String, of model: LanguageModel? = nil) async throws -> [LineScore] {
        var scores: [LineScore] = []
        for try await line in (model ?? self.model).lineScores(contentsOf: folder(name)) {
            scores.append(line)
        }
        return scores
    }

    @Test func aFileIsScoredLineByLineInOrder() async throws {
        // More than is read at once.
        let lines = (0..<9_000).map { String(repeating: "time traveller, ", count: 5).prefix($0 * 13 % 80) }
            .map(String.init)
        try folder.write(lines.joined(separator: "\n") + "\n", to: "log")
        let scores = try await scores("log")
        #expect(scores.map(\.number) == Array(1...9_000))
        #expect(scores.map(\.score) == (try model.scoreLines(lines)))
        #expect(scores.allSatisfy { $0.excess == $0.score.span?.excess ?? 0 })
    }

    @Test func aVeryLongLineIsScored() async throws {
        let long = String(repeating: "traveller ", count: 100_000)
        try folder.write("time\n\(long)\ntime", to: "log")
        let scores = try await scores("log")
        #expect(scores.map { $0.score.tokens.count } == [5, 1_000_001, 5])
        #expect(scores[0].score == scores[2].score)
    }

    @Test func emptyFilesHaveNoLines() async throws {
        try folder.write("", to: "log")
        #expect(try await scores("log").isEmpty)
        try folder.write("\n", to: "log")
        #expect(try await scores("log").map { $0.score.text } == [""])
    }

    @Test func whatCannotBeReadIsNamed() async throws {
        let nowhere = folder("nowhere").relativePath
        await expectError(TextError.fileNotFound(file: nowhere)) { _ = try await scores("nowhere") }
    }

    @Test func invalidBytesAreUnknownAndTheLineGoesOn() async throws {
        try Data(Array("time\ntr".utf8) + [0xFF, 0xE2, 0x82] + Array("av\\l\ntime\n\t".utf8) + [0xC3]).write(
            to: folder("log"))
        let scores = try await scores("log").map(\.score)
        #expect(scores.map { $0.text } == ["time", "tr\u{FFFD}\u{FFFD}av\\l", "time", "\t\u{FFFD}"])
        #expect(scores.map(\.unknownCount) == [0, 3, 0, 2])
        #expect(scores[0] == scores[2])
        #expect(try model.scoreLines(["time"])[0] == scores[0])
        #expect(scores[1].textBytes == [0x74, 0x72, 0xFF, 0xE2, 0x82, 0x61, 0x76, 0x5C, 0x6C])
        // As surprising as any unknown character there.
        let unknown = try model.scoreLines(["tr!!av!l"])[0]
        #expect(scores[1].tokens.map(\.surprisal) == unknown.tokens.map(\.surprisal))
        #expect(scores[1].marked("", "").replacing("↵", with: "") == #"tr\xFF\xE2\x82av\\l"#)
        let bytes = try LanguageModel.untrained(text: "ab\n", tokens: .bytes)
        try Data([0x61, 0x0A, 0xFF]).write(to: folder("bytes"))
        #expect(try await self.scores("bytes", of: bytes).map { $0.score.unknownCount } == [0, 1])
    }

    @Test func linesAreMarkedForATerminal() throws {
        for score in try model.scoreLines(["time\u{202E}\u{1B}[31m\\", "\u{200B}time"]) {
            for text in [score.marked(), "\(score)"] {
                #expect(
                    !text.unicodeScalars.contains { "\u{202E}\u{1B}\u{200B}".unicodeScalars.contains($0) })
            }
        }
    }

    @Test func aLineIsScoredWhenItIsComplete() async throws {
        let pipe = Pipe()
        let url = URL(fileURLWithPath: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
        let lines = model.lineScores(contentsOf: url).makeAsyncIterator()
        func write(_ text: String) throws { try pipe.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
        try write("time\ntra")
        #expect(try await lines.next()?.score.text == "time")
        try write("veller\n")
        #expect(try await lines.next()?.score.text == "traveller")
        try pipe.fileHandleForWriting.close()
        #expect(try await lines.next() == nil)
    }

    @Test func cancellationIsNoticed() async throws {
        try folder.write("time\n", to: "log")
        let task = Task { [model, folder] in
            withUnsafeCurrentTask { $0?.cancel() }
            for try await _ in model.lineScores(contentsOf: folder("log")) {}
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
