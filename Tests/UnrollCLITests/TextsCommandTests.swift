import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Several texts, folders of them, large ones, and texts to validate and to test on.
    @Suite struct TextsCommandTests {
        private let folder: TemporaryFolder
        private let train = ["train", "--output", "model", "--epochs", "1", "--json"] + Unroll.tiny

        init() throws {
            folder = try TemporaryFolder()
            try FileManager.default.createDirectory(
                at: folder("texts/inner"), withIntermediateDirectories: true)
            try folder.write(englishText, to: "texts/b.txt")
            try folder.write("the first line of all\n", to: "texts/a.txt")
            try folder.write("the last line of all\n", to: "texts/inner/c.txt")
        }

        private func run(_ arguments: [String]) async throws -> [[String: Any]] {
            let result = try await Unroll.run(arguments, in: folder)
            #expect(result.status == 0, "\(result.error)")
            return try result.objects()
        }

        @Test func aFolderIsItsFilesInOrder() async throws {
            let first = try await run(train + ["texts"])
            #expect(first.first?["trainingTokens"] as? Int == 948 + 22 + 21)
            let second = try await run(
                train.map { $0 == "model" ? "other" : $0 } + ["texts/a.txt", "texts/b.txt", "texts/inner"])
            #expect(second.first?["trainingTokens"] as? Int == 948 + 22 + 21)
            #expect(
                try Data(contentsOf: folder("model/model.safetensors"))
                    == Data(contentsOf: folder("other/model.safetensors")))
            let info = try await run(["info", "other", "--json"])
            let corpus = try #require(info.first?["corpus"] as? String)
            #expect(
                corpus.split(separator: ", ").map { $0.split(separator: "/").last } == [
                    "a.txt", "b.txt", "inner",
                ])
            for model in ["model", "other"] {
                let resumed = try await run(
                    ["train", "--resume", model, "--epochs", "2", "--threads", "1", "--json"])
                #expect(resumed.last?["epochs"] as? Int == 2)
            }
            // Another place for all of them.
            try FileManager.default.moveItem(at: folder("texts"), to: folder("moved"))
            let moved = try await run(
                ["train", "moved", "--resume", "other", "--epochs", "3", "--threads", "1", "--json"])
            #expect(moved.last?["epochs"] as? Int == 3)
        }

        @Test func aFileThatIsNoTextIsNamed() async throws {
            try Data([0xFF, 0xD8, 0xFF]).write(to: folder("texts/picture.jpg"))
            try await expectFailure(
                train + ["texts"], status: 1, naming: "texts/picture.jpg: not valid UTF-8", in: folder)
        }

        @Test func textsOfTheirOwnAreHeldOut() async throws {
            try folder.write("the garden? and the lamp\n", to: "validation.txt")
            try folder.write("the traveller\n", to: "test.txt")
            let files = ["--validation-file", "validation.txt", "--test-file", "test.txt"]
            let result = try await Unroll.run(train + ["texts"] + files, in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.error.contains("note: 1 of 25 tokens of validation.txt are unknown to the model"))
            #expect(!result.error.contains("of test.txt are unknown"))
            let objects = try result.objects()
            #expect(objects.first?["trainingTokens"] as? Int == 948 + 22 + 21)
            #expect(objects.first?["validationTokens"] as? Int == 25)
            #expect(objects.last?["validationPerplexity"] is Double)
            let resume = ["train", "--resume", "model", "--epochs", "2", "--threads", "1", "--json"]
            let resumed = try await run(resume)
            #expect(resumed.last?["validationPerplexity"] is Double)
            try folder.write("another traveller\n", to: "test.txt")
            try await expectFailure(
                resume, status: 1, naming: "'test.txt'", "are not the texts of the run",
                afterNotes: 1, in: folder)
        }

        @Test func aPartToTestOnIsHeldOut() async throws {
            let objects = try await run(train + ["texts/b.txt", "--test", "0.25", "--validation", "0.25"])
            #expect(objects.first?["trainingTokens"] as? Int == 474)
            #expect(objects.first?["validationTokens"] as? Int == 237)
        }

        @Test func aLargeTextIsReadOnce() async throws {
            let line = Data(englishText.utf8)
            var text = Data(capacity: 34_000_000)
            while text.count < 33 << 20 { text += line }
            try text.write(to: folder("large.txt"))
            let first = try await run(train + ["large.txt", "--limit", "2000"])
            #expect(first.first?["trainingTokens"] as? Int == 2_000)
            #expect(try folder.names(in: "model").contains("tokens.cache"))
            try FileManager.default.removeItem(at: folder("large.txt"))
            let resumed = try await run(
                ["train", "--resume", "model", "--epochs", "2", "--threads", "1", "--json"])
            #expect(resumed.last?["epochs"] as? Int == 2)
            // A run that ended before there was a model is begun again in the same place, and needs no other reading.
            try text.write(to: folder("large.txt"))
            let arguments = train.map { $0 == "model" ? "again" : $0 } + ["large.txt", "--limit", "2000"]
            let failed = try await Unroll.run(
                arguments + ["--hidden", "65536", "--layers", "64"], in: folder)
            #expect(failed.status == 1)
            #expect(try folder.names(in: "again") == ["tokens.cache"])
            try folder.write("half", to: "again/.unroll-\(UUID().uuidString)")
            #expect(try await run(arguments).last?["epochs"] as? Int == 1)
        }
    }
}
