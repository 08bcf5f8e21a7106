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
        try Data([0x61, 0x0A, 0xFF]).write(to: folder("log"))
        let log = folder("log").relativePath
        await expectError(TextError.invalidUTF8(file: log, offset: 2)) { _ = try await scores("log") }
        let bytes = try LanguageModel.untrained(text: "ab\n", tokens: .bytes)
        #expect(try await scores("log", of: bytes).map { $0.score.unknownCount } == [0, 1])
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
