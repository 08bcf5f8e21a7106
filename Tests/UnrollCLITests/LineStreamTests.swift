import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Lines that a detector must survive, and the terminal of the person who watches it.
    @Suite struct LineStreamTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        private func evaluate(
            _ input: [UInt8], _ options: String..., model: String = "model"
        ) async throws -> Unroll.Result {
            let result = try await Unroll.run(
                ["evaluate", model, "-", "--per-line", "--threads", "1"] + options, input: Data(input),
                in: folder)
            #expect(result.status == 0, "\(result.error)")
            return result
        }

        private func texts(_ result: Unroll.Result) -> [String] {
            result.lines.map { line in
                String(line.split(separator: "\t", omittingEmptySubsequences: false).last ?? "")
            }
        }

        @Test func oneInvalidByteLosesNothing() async throws {
            let lines = [
                Array("the lamp".utf8), Array("the ".utf8) + [0xFF] + Array("amp".utf8), [0xC3],
                Array("the lamp".utf8),
            ]
            let input = Array(lines.joined(separator: [0x0A])) + [0x0A]
            let result = try await evaluate(input)
            #expect(texts(result) == ["the lamp", #"the \xFFamp"#, #"\xC3"#, "the lamp"])
            #expect(result.error == "note: 2 of 29 tokens are unknown to the model\n")
            // In a file, with preprocessing, with words, and as the oddest line.
            try Data(input).write(to: folder("log"))
            let file = try await Unroll.run(
                ["evaluate", "model", "log", "--per-line", "--threads", "1"], in: folder)
            #expect(file.output == result.output)
            for (name, options) in [
                ("low", ["--preprocess", "lowercase"]), ("words", ["--tokens", "words"]),
                ("bytes", ["--tokens", "bytes"]),
            ] {
                let train = try await Unroll.run(
                    ["train", "text.txt", "--output", name, "--epochs", "1"] + Unroll.tiny + options,
                    in: folder)
                #expect(train.status == 0, "\(train.error)")
                #expect(texts(try await evaluate(input, model: name)) == texts(result), "\(name)")
            }
            let odd = [0xFF, 0xFE, 0x80, 0xFF] as [UInt8]
            let top = try await evaluate(Array("the time\n".utf8) + odd + [0x0A], "--top", "1")
            #expect(texts(top) == [#"\xFF\xFE\x80\xFF"#])
        }

        @Test func invalidBytesAreEscapedInJSON() async throws {
            let lines = try await evaluate(
                Array("a\\b\nthe \\".utf8) + [0xE2, 0x82] + Array("\n".utf8), "--json"
            ).objects()
            #expect(lines.map { $0["text"] as? String } == ["a\\b", #"the \\\xE2\x82"#])
            #expect(lines.map { $0["escaped"] as? Bool } == [nil, true])
            #expect(lines.map { $0["unknown"] as? Int } == [1, 2])
        }

        @Test func anEmptyStreamIsNoError() async throws {
            for options in [[], ["--json"], ["--top", "3"]] {
                let result = try await Unroll.run(
                    ["evaluate", "model", "-", "--per-line"] + options, in: folder)
                #expect(result.status == 0 && result.output.isEmpty && result.error.isEmpty, "\(result)")
            }
            try folder.write("", to: "empty")
            let file = try await Unroll.run(["evaluate", "model", "empty", "--per-line"], in: folder)
            #expect(file.status == 0 && file.output.isEmpty && file.error.isEmpty)
        }

        @Test func aLineComesWhenItIsComplete() async throws {
            let pipe = Pipe()
            let running = try Unroll.start(
                ["evaluate", "model", "-", "--per-line", "--threads", "1"], standardInput: pipe, in: folder)
            func write(_ bytes: [UInt8]) throws {
                try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
            }
            try write(Array("the lamp\nthe ga".utf8))
            try await running.waits(for: "the lamp\n")
            #expect(try running.contents(of: "output").split(separator: "\n").count == 1)
            try write(Array("rden".utf8) + [0xFF, 0x0A])
            try await running.waits(for: "the garden\\xFF\n")
            #expect(running.isRunning)
            try write(Array("there".utf8))
            try pipe.fileHandleForWriting.close()
            let result = try await running.result()
            #expect(result.status == 0)
            #expect(texts(result) == ["the lamp", #"the garden\xFF"#, "there"])
        }

        @Test(arguments: [
            ("a\u{202E}b", #"a\u{202E}b"#), ("\u{2066}x\u{2069}", #"\u{2066}x\u{2069}"#),
            (#"a\tb"#, #"a\\tb"#),
            ("a\tb", #"a\tb"#), ("\u{E0041}\u{200D}", #"\u{E0041}\u{200D}"#),
            ("a\u{A0}b\u{FE0F}", #"a\u{A0}b\u{FE0F}"#),
            ("\u{2028}", #"\u{2028}"#), ("é漢字", "é漢字"),
        ])
        func whatIsInvisibleIsWritten(line: String, written: String) async throws {
            #expect(texts(try await evaluate(Array((line + "\n").utf8))) == [written])
            let json = try await evaluate(Array((line + "\n").utf8), "--json").objects()
            #expect(json.first?["text"] as? String == line)
        }

        @Test func conversationsAreVisible() async throws {
            let text = String(repeating: "a\u{202E}b\\c\u{200B}\n", count: 60)
            try folder.write(text, to: "odd.txt")
            let train = try await Unroll.run(
                ["train", "odd.txt", "--output", "odd", "--epochs", "4"] + Unroll.tiny, in: folder)
            #expect(train.status == 0, "\(train.error)")
            let result = try await Unroll.run(
                ["generate", "odd", "--prompt", "a\u{202E}", "--interactive", "--threads", "1"],
                input: Data("\n=\u{E000}\\u{61C}\nq\n".utf8), in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.error.contains("\n" + #"a\u{202E}"#))
            for choice in [
                #"'\u{202E}'"#, #"'\\'"#, #"'\u{200B}'"#, #"has never seen '\u{E000}', '\u{61C}'"#,
            ] {
                #expect(result.error.contains(choice), "\(choice)")
            }
            let hidden = "\u{202E}\u{200B}\u{E000}\u{61C}".unicodeScalars
            #expect(!result.error.unicodeScalars.contains(where: hidden.contains))
            // The text itself is as it is.
            #expect(result.output.hasPrefix("a\u{202E}"))
        }

        @Test func invalidAnswersDoNotEndAConversation() async throws {
            let result = try await Unroll.run(
                ["generate", "model", "--prompt", "the", "--interactive", "--threads", "1"],
                input: Data([0x3D, 0xFF, 0x0A] + Array("= time\nq\n".utf8)), in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.hasPrefix("the") && result.output.hasSuffix(" time\n"))
            #expect(result.error.contains("has never seen"))
        }

        @Test(arguments: ["a\u{1B}[31m.txt", "a\nb", "a\u{202E}txt.exe"])
        func namesDoNothingToATerminal(name: String) async throws {
            try await expectFailure(
                ["train", name], status: 1, naming: "no such file", in: folder)
            try await expectFailure(["info", name], status: 1, naming: "a\\", in: folder)
        }
    }
}
