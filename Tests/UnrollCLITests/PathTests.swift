import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// What a path may be, in every command that takes one.
    @Suite struct PathTests {
        private let folder: TemporaryFolder
        /// Paths by command, `@` for the one that is tried, and the name of its argument.
        private static let paths: [([String], String)] = [
            (["train", "@"], "<corpus>"), (["train", "text.txt", "@"], "<corpus>"),
            (["train", "text.txt", "--output", "@"], "--output"), (["train", "--resume", "@"], "--resume"),
            (["train", "text.txt", "--recipe", "@"], "--recipe"),
            (["train", "text.txt", "--tensorboard", "@"], "--tensorboard"),
            (["train", "text.txt", "--validation-file", "@"], "--validation-file"),
            (["train", "text.txt", "--test-file", "@"], "--test-file"),
            (["generate", "@", "--prompt", "the "], "<model>"),
            (["generate", "model", "--prompt-file", "@"], "--prompt-file"),
            (["evaluate", "@", "text.txt"], "<model>"), (["evaluate", "model", "@"], "<file>"),
            (["evaluate", "model", "text.txt", "--heatmap", "@"], "--heatmap"),
            (["compress", "@", "text.txt", "out"], "<model>"), (["compress", "model", "@", "out"], "<in>"),
            (["compress", "model", "text.txt", "@"], "<out>"),
            (["compress", "--adaptive", "@", "out"], "<in>"),
            (["decompress", "@", "text.txt", "out"], "<model>"), (["decompress", "@", "out"], "<in>"),
            (["decompress", "text.txt", "@"], "<out>"), (["info", "@"], "<model>"),
            (["report", "@"], "<runs>"), (["report", "model", "--output", "@"], "--output"),
            (["recipe", "show", "@"], "<recipe>"), (["recipe", "run", "@"], "<recipes>"),
            (["recipe", "verify", "@"], "<recipes>"),
            (["recipe", "run", "d2l-slides", "--output", "@"], "--output"),
            (["recipe", "run", "d2l-slides", "--corpus", "@"], "--corpus"),
        ]

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        private func unroll(_ arguments: String..., input: String = "") async throws -> Unroll.Result {
            let result = try await Unroll.run(arguments, input: Data(input.utf8), in: folder)
            #expect(result.status == 0, "\(arguments): \(result.error)")
            return result
        }

        @Test func anEmptyPathIsNeverTheCurrentFolder() async throws {
            for (arguments, name) in Self.paths {
                let given = arguments.map { $0 == "@" ? "" : $0 }
                try await expectFailure(given, status: 64, naming: name, "it is empty", in: folder)
            }
        }

        @Test(arguments: [(" \t", "white space"), ("~", "$HOME"), ("~/notes", "$HOME/notes")])
        func pathsThatTheShellShouldHaveChangedAreNamed(path: String, reason: String) async throws {
            for (arguments, name) in Self.paths {
                let given = arguments.map { $0 == "@" ? path : $0 }
                try await expectFailure(given, status: 64, naming: name, reason, in: folder)
            }
        }

        @Test func aSlashAfterAFileIsNamed() async throws {
            for arguments in [
                ["train", "text.txt/"], ["train", "text.txt", "--validation-file", "text.txt/"],
                ["evaluate", "model", "text.txt//"], ["generate", "model", "--prompt-file", "text.txt/"],
                ["info", "model/config.json/"],
            ] {
                try await expectFailure(
                    arguments, status: 64, naming: "it is a file; leave out the /", in: folder)
            }
            for arguments in [
                ["report", "model", "--output", "new/"], ["compress", "model", "text.txt", "new/"],
                ["evaluate", "model", "text.txt", "--heatmap", "new/"],
            ] {
                try await expectFailure(arguments, status: 64, naming: "it is a folder", in: folder)
            }
        }

        @Test func messagesAreOfOneLine() async throws {
            try await expectFailure(["info", "a\nb"], status: 1, naming: "a\\nb", in: folder)
        }

        @Test func anEmptyTextOfARecipeIsNotItsFolder() async throws {
            let recipe = try await unroll("recipe", "show", "d2l-slides").output
            for text in ["", " ", "text.txt\\u0000"] {
                let changed = recipe.replacing(/"text": "[^"]*"/, with: "\"text\": \"\(text)\"")
                #expect(changed != recipe)
                try folder.write(changed, to: "mine.json")
                try await expectFailure(
                    ["recipe", "run", "mine.json"], status: 1, naming: "'corpus.text'", in: folder)
            }
        }

        // MARK: -

        @Test func aDashIsStandardInputThoughAFileHasTheName() async throws {
            try folder.write("no letter of this is in the text: QXZ QXZ QXZ\n", to: "-")
            let trained = try await unroll(
                "train", "-", "--preset", "book", "--output", "piped", "--epochs", "1", "--hidden", "8",
                "--batch", "2", input: englishText)
            #expect(trained.error.contains("standard input: 948 tokens"))
            let scored = try await unroll("evaluate", "model", "-", "--json", input: "the lamp")
            #expect(try scored.objects().first?["tokens"] as? Int != 44)
            let lines = try await unroll(
                "evaluate", "model", "-", "--per-line", input: "the lamp\nthe lamp\n")
            #expect(lines.lines.count == 2)
            let prompt = try await unroll(
                "generate", "model", "--prompt-file", "-", "--length", "1", input: "the ")
            #expect(prompt.output.hasPrefix("the "))
            // The file of that name has another.
            let named = try await unroll("generate", "model", "--prompt-file", "./-", "--length", "1")
            #expect(named.output.hasPrefix("no letter"))
            try await expectFailure(
                ["train", "--resume", "piped"], status: 1, naming: "standard input", in: folder)
        }

        @Test func aDashIsStandardOutputThoughAFileHasTheName() async throws {
            try folder.write("kept", to: "-")
            let report = try await unroll("report", "model", "--output", "-")
            #expect(report.output.hasPrefix("<!DOCTYPE html>\n<!-- unroll report -->"))
            #expect(report.output.hasSuffix("</html>\n") && report.error.isEmpty)
            let page = try await unroll("evaluate", "model", "-", "--heatmap", "-", input: "the lamp was")
            #expect(page.output.hasPrefix("<!DOCTYPE html>\n<!-- unroll heat map -->"))
            #expect(page.output.hasSuffix("</html>\n") && page.error.isEmpty)
            _ = try await unroll("report", "model", "--output", "./page")
            #expect(try String(contentsOf: folder("page"), encoding: .utf8) == report.output)
            #expect(try String(contentsOf: folder("-"), encoding: .utf8) == "kept")
        }

        @Test func aRecipeMayComeFromStandardInput() async throws {
            let recipe = try await unroll("recipe", "show", "d2l-slides").output
            #expect(try await unroll("recipe", "show", "-", input: recipe).output == recipe)
            let broken = try await Unroll.run(["recipe", "run", "-"], input: Data("{".utf8), in: folder)
            #expect(broken.status == 1 && broken.error.hasPrefix("unroll: recipe 'stdin': it is not JSON"))
            for arguments in [["recipe", "run", "-", "-"], ["train", "-", "--recipe", "-"]] {
                try await expectFailure(
                    arguments, status: 64, naming: "standard input can be read only once", in: folder)
            }
        }

        @Test func twoResultsOnStandardOutputAreRefused() async throws {
            for arguments in [
                ["report", "model", "--output", "-", "--json"],
                ["report", "model", "--output", "/dev/stdout", "--json"],
                ["evaluate", "model", "text.txt", "--heatmap", "-", "--json"],
            ] {
                try await expectFailure(
                    arguments, status: 64, naming: "--json", "standard output", in: folder)
            }
        }

        @Test func aDashIsRefusedWhereItMakesNoSense() async throws {
            for (arguments, name) in Self.paths
            where ["<model>", "<runs>", "--resume", "--tensorboard"].contains(name)
                || (name == "--output" && arguments.first != "report")
            {
                let given = arguments.map { $0 == "@" ? "-" : $0 }
                try await expectFailure(given, status: 64, naming: name, "hold no folder", in: folder)
            }
            for name in ["--validation-file", "--test-file"] {
                try await expectFailure(
                    ["train", "text.txt", name, "-"], status: 64, naming: name, "read only once", in: folder)
            }
            try await expectFailure(
                ["recipe", "run", "d2l-slides", "--corpus", "-"], status: 64, naming: "--corpus",
                "read only once", in: folder)
        }
    }
}
