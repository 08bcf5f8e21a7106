import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `compress` and `decompress`.
    @Suite struct CompressionCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        @discardableResult
        private func unroll(_ arguments: String..., input: Data = Data()) async throws -> Unroll.Result {
            let result = try await Unroll.run(arguments, input: input, in: folder)
            #expect(result.status == 0, "\(arguments): \(result.error)")
            #expect(result.error.isEmpty, "\(arguments): \(result.error)")
            return result
        }

        private func contents(_ name: String) throws -> Data {
            try Data(contentsOf: folder(name))
        }

        @Test func aFileComesBack() async throws {
            try await unroll("compress", "model", "text.txt", "small", "--threads", "1")
            #expect(try contents("small").count < contents("text.txt").count / 2)
            let result = try await unroll("decompress", "model", "small", "back", "--threads", "2")
            #expect(result.output.isEmpty)
            #expect(try contents("back") == contents("text.txt"))
            try await unroll("compress", "--adaptive", "text.txt", "learned")
            try await unroll("decompress", "learned", "back2")
            #expect(try contents("back2") == contents("text.txt"))
            // A script may name a model for all of its files.
            try await unroll("decompress", "model", "learned", "back3")
            #expect(try contents("back3") == contents("text.txt"))
        }

        @Test(arguments: ["", "t", "\u{0}\u{1}漢"])
        func pipesAreReadAndWritten(text: String) async throws {
            let file = folder("in")
            try Data(text.utf8).write(to: file)
            let script = """
                set -e
                cat in | "$0" compress model - - | "$0" decompress model - - > back
                cmp in back
                cat in | "$0" compress --adaptive - - | "$0" decompress - back2
                cmp in back2
                """
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", script, Unroll.executable.path]
            process.currentDirectoryURL = folder.url
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }

        @Test func wrongPathsAreNamed() async throws {
            try folder.write("kept", to: "there")
            let cases: [([String], Int32, String)] = [
                (["compress", "model", "text.txt"], 64, "2 paths"),
                (["compress", "--adaptive", "model", "text.txt", "new"], 64, "3 paths"),
                (
                    ["compress", "--adaptive", "text.txt", "new", "--precision", "bfloat16"], 64,
                    "--precision"
                ),
                (["compress", "model", "text.txt", "new", "--threads", "0"], 64, "thread"),
                (["compress", "nothing", "text.txt", "new"], 1, "nothing"),
                (["compress", "model", "nothing", "new"], 1, "nothing"),
                (["compress", "model", "model", "new"], 1, "folder"),
                (["compress", "model", "text.txt", "model"], 1, "folder"),
                (["compress", "model", "text.txt", "there"], 1, "--force"),
                (["compress", "model", "text.txt", "text.txt", "--force"], 1, "another file"),
                (["compress", "model", "text.txt", "./text.txt", "--force"], 1, "another file"),
                (["compress", "model", "text.txt", "nowhere/new"], 1, "nowhere"),
                (["compress", "model", "text.txt", "/dev/full"], 1, "/dev/full: no space left"),
                (
                    ["decompress", "model", "text.txt", "new"], 1,
                    "text.txt: not in Unroll's compressed format"
                ),
                (["decompress", "model", "nothing", "new"], 1, "nothing"),
            ]
            for (arguments, status, text) in cases {
                try await expectFailure(arguments, status: status, naming: text, in: folder)
            }
            #expect(try contents("there") == Data("kept".utf8))
            try await unroll("compress", "model", "text.txt", "there", "--force")
            try await unroll("decompress", "model", "there", "/dev/null")
        }

        @Test func damageLeavesNoFile() async throws {
            try await unroll("compress", "model", "text.txt", "small")
            let whole = try contents("small")
            var changed = whole
            changed[whole.count / 2] ^= 1
            for (name, bytes) in [
                "changed": changed, "cut": whole.dropLast(3), "longer": whole + [10], "empty": Data(),
            ] {
                try bytes.write(to: folder(name))
                try await expectFailure(
                    ["decompress", "model", name, "back"], status: 1, naming: name, in: folder)
                // What was right is written where nobody can take it back.
                let result = try await Unroll.run(
                    ["decompress", "model", "-", "-"], input: bytes, in: folder)
                #expect(result.status == 1)
                #expect(result.error.hasPrefix("unroll: standard input: "))
                #expect(result.output == (name == "cut" ? englishText : ""))
            }
            // What stood there stays.
            try folder.write("kept", to: "back")
            try await expectFailure(
                ["decompress", "model", "cut", "back", "--force"], status: 1, naming: "cut", in: folder)
            #expect(try contents("back") == Data("kept".utf8))
        }

        @Test func theModelMustBeTheOneThatCompressed() async throws {
            try await unroll("compress", "model", "text.txt", "small")
            try await expectFailure(
                ["decompress", "small", "back"], status: 1, naming: "with a model", in: folder)
            let other = try await Unroll.run(
                ["train", "text.txt", "--output", "other", "--epochs", "1", "--seed", "5"] + Unroll.tiny,
                in: folder)
            #expect(other.status == 0)
            try await expectFailure(
                ["decompress", "other", "small", "back"], status: 1, naming: "another model", in: folder)
        }

        // MARK: Files

        /// Octal permissions and the time of modification.
        private func attributes(_ name: String) throws -> [FileAttributeKey: Int] {
            let all = try FileManager.default.attributesOfItem(atPath: folder(name).path)
            let time = try #require(all[.modificationDate] as? Date)
            return [
                .posixPermissions: try #require(all[.posixPermissions] as? Int),
                .modificationDate: Int(time.timeIntervalSince1970),
            ]
        }

        @Test func filesHavePermissionsAndTimeOfTheInput() async throws {
            let expected: [FileAttributeKey: Int] = [
                .posixPermissions: 0o600, .modificationDate: 1_000_000_000,
            ]
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600, .modificationDate: Date(timeIntervalSince1970: 1_000_000_000)],
                ofItemAtPath: folder("text.txt").path)
            try await unroll("compress", "model", "text.txt", "small")
            #expect(try attributes("small") == expected)
            try await unroll("decompress", "model", "small", "back")
            #expect(try attributes("back") == expected)
            // Private files stay private, whichever of both is.
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o644], ofItemAtPath: folder("text.txt").path)
            try await unroll("compress", "model", "text.txt", "small", "--force")
            #expect(try attributes("small") == expected)
            // Standard input has nothing to pass on.
            try await unroll("compress", "model", "-", "piped", input: Data("the ".utf8))
            #expect(try attributes("piped")[.modificationDate] != 1_000_000_000)
        }

        @Test func aLinkStaysAndItsTargetIsWritten() async throws {
            for (name, target) in [("new", "made"), ("old", "replaced")] {
                try FileManager.default.createSymbolicLink(
                    atPath: folder(name).path, withDestinationPath: target)
            }
            try folder.write("old", to: "replaced")
            try await unroll("compress", "model", "text.txt", "new")
            try await unroll("decompress", "model", "made", "old", "--force")
            #expect(try contents("replaced") == contents("text.txt"))
            for name in ["new", "old"] {
                #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder(name).path) != "")
            }
        }

        @Test func aFileIsNotReadAndWrittenAtOnce() async throws {
            try FileManager.default.linkItem(at: folder("text.txt"), to: folder("other"))
            try await expectFailure(
                ["compress", "model", "text.txt", "other", "--force"], status: 1, naming: "another file",
                in: folder)
            // Reading what is appended would never end.
            let script = #"exec "$0" compress model text.txt - >> other"#
            let running = try Unroll.start(
                ["-c", script, Unroll.executable.path], program: URL(fileURLWithPath: "/bin/sh"), in: folder)
            let result = try await running.result()
            #expect(result.status == 1 && result.error.contains("another file"), "\(result)")
            #expect(try contents("other") == Data(englishText.utf8))
        }

        @Test func kernelsAreThoseOfTheCompressor() async throws {
            let result = try await Unroll.run(
                ["compress", "model", "text.txt", "small"], environment: ["UNROLL_KERNELS": "portable"],
                in: folder)
            #expect(result.status == 0)
            try await unroll("decompress", "model", "small", "back")
            #expect(try contents("back") == contents("text.txt"))
        }
    }
}
