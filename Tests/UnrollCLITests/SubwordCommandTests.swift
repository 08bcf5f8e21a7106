import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// All commands with a model whose tokens are subwords.
    @Suite struct SubwordCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
        }

        @discardableResult
        private func unroll(_ arguments: String..., input: String = "") async throws -> Unroll.Result {
            let result = try await Unroll.run(arguments, input: Data(input.utf8), in: folder)
            #expect(result.status == 0, "\(arguments): \(result.error)")
            return result
        }

        private func train(_ options: String...) async throws {
            let result = try await Unroll.run(
                ["train", "text.txt", "--output", "model", "--epochs", "2"] + Unroll.tiny + options,
                in: folder)
            #expect(result.status == 0, "\(result.error)")
        }

        @Test func allCommandsWorkWithSubwords() async throws {
            try await train("--tokens", "bpe:270", "--validation", "0.2", "--baselines")
            let info = try #require(try await unroll("info", "model", "--json").objects().first)
            #expect(info["tokens"] as? String == "bpe" && info["vocabulary"] as? Int == 270)
            #expect(try await unroll("info", "model").output.contains("vocabulary     270 subwords\n"))
            // Nothing is unknown, so that every text has its bits per byte.
            try folder.write("the lamp 😀\nthe lamp was\n", to: "new.txt")
            for form in [[], ["--heatmap", "page.html"], ["--dynamic"], ["--per-line"]] {
                let result = try await Unroll.run(
                    ["evaluate", "model", "new.txt", "--json"] + form, in: folder)
                #expect(try result.objects().allSatisfy { $0["bitsPerByte"] is Double }, "\(result)")
                #expect(!result.error.contains("unknown"))
            }
            try Data([0x74, 0xFF, 0x00, 0xE2, 0x80]).write(to: folder("any"))
            for name in ["text.txt", "any"] {
                try await unroll("compress", "model", name, "\(name).small", "--threads", "1")
                try await unroll("decompress", "model", "\(name).small", "\(name).back")
                #expect(try Data(contentsOf: folder("\(name).back")) == Data(contentsOf: folder(name)))
            }
        }

        @Test func textsAreGeneratedCompletedAndStopped() async throws {
            try await train("--tokens", "bpe")
            let generate = ["generate", "model", "--prompt", "the la", "--threads", "1"]
            let sampled = generate + ["--seed", "1", "--length", "40"]
            let text = try await unroll(sampled).output
            let stop = String(text.dropFirst(9).prefix(3))
            let stopped = try await unroll(sampled + ["--stop", stop]).output
            #expect(stopped.count < text.count && text.hasPrefix(stopped.dropLast()))
            #expect(try await !unroll(generate + ["--complete", "3"]).output.isEmpty)
            #expect(try await !unroll(generate + ["--beam", "2", "--length", "5"]).output.isEmpty)
        }

        private func unroll(_ arguments: [String]) async throws -> Unroll.Result {
            let result = try await Unroll.run(arguments, in: folder)
            #expect(result.status == 0, "\(arguments): \(result.error)")
            return result
        }

        @Test func aRunIsResumedWithItsSubwords() async throws {
            try await train("--tokens", "bpe:270")
            try await expectFailure(
                ["train", "--resume", "model", "--epochs", "3", "--tokens", "bpe:280"], status: 64,
                naming: "--tokens cannot change when a run is resumed", in: folder)
            try await unroll("train", "--resume", "model", "--epochs", "3", "--tokens", "bpe:270")
            try await unroll("train", "--resume", "model", "--epochs", "4")
        }

        @Test(arguments: ["bpe:", "bpe:abc", "bpe:1e3", "words:300", "BPE", "bpe:300:2"])
        func wrongChoicesNameTheRightOnes(choice: String) async throws {
            try await expectFailure(
                ["train", "text.txt", "--tokens", choice], status: 64, naming: choice, "'bpe:SIZE'",
                in: folder)
        }

        @Test(arguments: ["bpe:10", "bpe:257", "bpe:-1", "bpe:2000000"])
        func sizesOutOfRangeAreWrongUsage(choice: String) async throws {
            try await expectFailure(
                ["train", "text.txt", "--tokens", choice], status: 64, naming: "--tokens is \(choice)",
                "258...1048576", in: folder)
        }
    }
}
