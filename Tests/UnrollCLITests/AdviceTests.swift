import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// What the program advises can be done, by the command that it advises, as it is written.
    @Suite struct AdviceTests {
        private let folder: TemporaryFolder
        private let cache: TemporaryFolder

        init() async throws {
            (folder, cache) = (try TemporaryFolder(), try TemporaryFolder())
            try await trainTinyModel(in: folder)
        }

        // MARK: Flags

        @Test func flagsAreThoseOfTheCommand() async throws {
            try Data([0x74, 0x0A, 0xFF]).write(to: folder("binary"))
            try folder.write("", to: "empty")
            try await expectFailure(
                ["train", "binary", "--output", "new"], status: 1, naming: "(--tokens bytes)", in: folder)
            try await expectFailure(
                ["train", "empty", "--output", "new"], status: 1, naming: "(--preprocess, --tokens)",
                in: folder)
            // What is checked of each: that no option is advised that the command lacks.
            for options in [[], ["--dynamic"], ["--heatmap", "page.html"]] {
                try await expectFailure(
                    ["evaluate", "model", "binary"] + options, status: 1, naming: "whose tokens are bytes",
                    in: folder)
                try await expectFailure(
                    ["evaluate", "model", "empty"] + options, status: 1, naming: "choose another text",
                    in: folder)
            }
            try folder.write("t", to: "short")
            try await expectFailure(
                ["recipe", "run", "gluon-concise", "--corpus", "short", "--reduced"], status: 1,
                naming: "text",
                in: folder)
            try await expectFailure(
                ["generate", "model", "--prompt-file", "binary"], status: 1, naming: "byte 2", in: folder)
        }

        @Test(arguments: [
            (["trian"], "'train'"), (["generat"], "'generate'"), (["corpus", "fecth"], "'fetch'"),
            (["recipe", "ls"], "see --help"), (["eval", "model", "text.txt"], "'evaluate'"),
            (["train", "--temp", "1"], "see --help"),
            (["generate", "model", "--prompt", "a", "--temp", "1"], "'--temperature'"),
            (["generate", "model", "--prompt", "a", "--temprature", "1"], "'--temperature'"),
            (["train", "--batch-size", "8"], "'--batch'"), (["train", "--lr", "8"], "see --help"),
            (["train", "--learn=8"], "'--learning-rate'"),
            (["evaluate", "model", "text.txt", "--tokens", "bytes"], "see --help"),
        ])
        func whatWasMeantIsSuggested(arguments: [String], suggestion: String) async throws {
            try await expectFailure(arguments, status: 64, naming: suggestion, in: folder)
        }

        // MARK: Command lines

        @Test(arguments: ["sp a'ce", "$HOME;ls", "-x", "tab\tor `date`"])
        func commandLinesAreThoseOfAShell(name: String) async throws {
            let train = ["train", "text.txt", "--output=\(name)"] + Unroll.tiny
            let running = try Unroll.start(train + ["--epochs", "1000000", "--json"], in: folder)
            try await running.waits(for: #""event":"epoch""#)
            running.send(SIGINT)
            let result = try await running.result()
            #expect(result.status == 130)
            let words = try #require(result.error.split(separator: "go on with: ").last)
            #expect(words.hasPrefix("unroll train --resume "))
            // Bash, for what is invisible: other shells learn its notation only now.
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/bash")
            shell.arguments = [
                "-c", "set -- \(words.trimmingCharacters(in: .newlines)); cd -- \"$4\" && ls config.json",
            ]
            shell.currentDirectoryURL = folder.url
            shell.standardOutput = FileHandle.nullDevice
            if FileManager.default.fileExists(atPath: "/bin/bash") {
                try shell.run()
                shell.waitUntilExit()
                #expect(shell.terminationStatus == 0, "\(words)")
            }
            let quoted = words.dropFirst("unroll train --resume ".count).trimmingCharacters(in: .newlines)
            try await expectFailure(train, status: 1, naming: "--resume \(quoted),", in: folder)
        }

        // MARK: Corpora

        /// No network, a cache of its own, and perhaps a folder of texts.
        private func offline(corpora: String = "") -> [String: String] {
            var environment = ["XDG_CACHE_HOME": cache.url.path, "UNROLL_CORPORA": corpora]
            for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
                environment[name] = "http://127.0.0.1:9"
            }
            return environment.merging(["no_proxy": "", "NO_PROXY": ""]) { $1 }
        }

        private func writeToCache(_ text: String, _ name: String) throws -> String {
            let corpora = cache("unroll/corpora")
            try FileManager.default.createDirectory(at: corpora, withIntermediateDirectories: true)
            let file = corpora.appendingPathComponent(name)
            try Data(text.utf8).write(to: file)
            return file.path
        }

        @Test func otherContentsAreSaid() async throws {
            let file = try writeToCache("abc", "timemachine.txt")
            let checksum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            for command in [["corpus", "fetch", "time-machine"], ["train", "time-machine"]] {
                try await expectFailure(
                    command, status: 1, naming: "note: \(file): not the text 'time-machine'", checksum,
                    "fetched again", environment: offline(), afterNotes: 2, in: folder)
            }
            let list = try await Unroll.run(["corpus", "list"], environment: offline(), in: folder)
            #expect(list.output.contains("(not fetched; \(file) is another text)"))

            try folder.write("abc", to: "timemachine.txt")
            try await expectFailure(
                ["corpus", "fetch", "time-machine"], status: 1,
                naming: "note: \(folder("timemachine.txt").path): not the text 'time-machine'",
                "give its path",
                environment: offline(corpora: folder.url.path), afterNotes: 3, in: folder)
        }

        @Test func whatIsListedCanBeFetched() async throws {
            let list = try await Unroll.run(["corpus", "list"], environment: offline(), in: folder)
            let names = list.lines.compactMap { $0.split(separator: " ").first.map(String.init) }
            #expect(names.contains("sample") && names.count == 3)
            for name in names {
                let result = try await Unroll.run(
                    ["corpus", "fetch", name], environment: offline(), in: folder)
                #expect(!result.error.contains("there is no text"), "\(result.error)")
                guard name == "sample" else { continue }
                #expect(result.status == 0, "\(result.error)")
                let path = try #require(result.lines.first)
                #expect(try String(contentsOfFile: path, encoding: .utf8).contains("Overby"))
            }
            // And read wherever a name may stand.
            for options in [["--json"], ["--per-line", "--top", "2"]] {
                let result = try await Unroll.run(
                    ["evaluate", "model", "sample"] + options, environment: offline(), in: folder)
                #expect(result.status == 0 && !result.output.isEmpty, "\(result.error)")
            }
            try await expectFailure(
                ["corpus", "fetch", "nothing"], status: 1, naming: "known: sample, time-machine",
                environment: offline(), in: folder)
        }

        // MARK: Prompts

        @Test func promptsOfBothCommandsAreReadAlike() async throws {
            func samples(_ options: String...) async throws -> [String?] {
                let result = try await Unroll.run(
                    ["train", "text.txt", "--output", UUID().uuidString, "--epochs", "1", "--json"]
                        + Unroll.tiny
                        + options, in: folder)
                #expect(result.status == 0, "\(result.error)")
                return try result.objects().filter { $0["event"] as? String == "sample" }.map {
                    $0["prompt"] as? String
                }
            }
            #expect(
                try await samples("--prompt", "the\\nlamp", "--prompt", "\\u{74}\\\\") == [
                    "the\nlamp", "t\\",
                ])
            #expect(try await samples("--prompt", "the\\nlamp", "--no-escape") == ["the\\nlamp"])
            try await expectFailure(
                ["train", "text.txt", "--output", "new", "--prompt", "a\\d"], status: 64, naming: "--prompt",
                "--no-escape", in: folder)
        }

        @Test func aHalfTypedWordIsNotUnknown() async throws {
            let train = try await Unroll.run(
                ["train", "text.txt", "--output", "words", "--tokens", "words", "--epochs", "1"]
                    + Unroll.tiny, in: folder)
            #expect(train.status == 0, "\(train.error)")
            for (prompt, note) in [
                ("the t", ""), ("the lamp", ""), ("xyz t", "'xyz'"), ("xyz ", "'xyz'"),
            ] {
                let result = try await Unroll.run(
                    ["generate", "words", "--prompt", prompt, "--complete", "3", "--threads", "1"], in: folder
                )
                #expect(result.error.contains("never seen") == !note.isEmpty, "\(prompt): \(result.error)")
                #expect(note.isEmpty ? result.error.isEmpty : result.error.contains(note))
                if prompt == "the t" { #expect(result.lines.count == 3 || result.lines.count == 2) }
            }
            let plain = try await Unroll.run(
                ["generate", "words", "--prompt", "the t", "--length", "1", "--threads", "1"], in: folder)
            #expect(plain.error.contains("never seen 't'"))
        }
    }
}
