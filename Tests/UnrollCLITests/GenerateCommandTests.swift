import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// The ways to generate beside plain text.
    @Suite struct GenerateCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder, epochs: 8)
        }

        private func generate(_ options: [String], input: String = "") async throws -> Unroll.Result {
            try await Unroll.run(
                ["generate", "model", "--threads", "1"] + options, input: Data(input.utf8), in: folder)
        }

        private func output(_ options: String..., input: String = "") async throws -> String {
            let result = try await generate(options, input: input)
            #expect(result.status == 0, "\(result.error)")
            return result.output
        }

        // MARK: Sampling

        @Test func oneTokenToChooseFromIsGreedy() async throws {
            let greedy = try await output("--prompt", "the", "--greedy")
            for options in [
                ["--top-k", "1"], ["--top-p", "1e-9"], ["--min-p", "1"], ["--temperature", "1e-9"],
            ] {
                let result = try await generate(["--prompt", "the"] + options)
                #expect(result.output == greedy)
            }
        }

        @Test func everyOptionHasASay() async throws {
            let plain = ["--prompt", "the", "--length", "300"]
            let texts = try await [
                generate(plain), generate(plain + ["--top-k", "4"]), generate(plain + ["--top-p", "0.6"]),
                generate(plain + ["--min-p", "0.3"]), generate(plain + ["--repetition-penalty", "1.5"]),
                generate(plain + ["--repetition-penalty", "1.5", "--repetition-window", "2"]),
                generate(plain + ["--ban", "e"]), generate(plain + ["--presence-penalty", "-2"]),
                generate(plain + ["--frequency-penalty", "0.1"]),
            ].map(\.output)
            #expect(Set(texts).count == texts.count)
            #expect(texts.allSatisfy { $0.count == 304 })
            #expect(texts[6].dropFirst(3).contains("e") == false && texts[0].dropFirst(3).contains("e"))
        }

        @Test func bansMayBeRepeatedAndEscaped() async throws {
            let text = try await output(
                "--prompt", "the", "--ban", "\\n", "--ban", "e", "--ban", " ", "--length", "500")
            #expect(text.dropLast().allSatisfy { $0 != "\n" && $0 != " " })
            #expect(!text.dropFirst(3).contains("e"))
        }

        @Test func aStopStringEndsTheText() async throws {
            let whole = try await output("--prompt", "the", "--seed", "4", "--length", "300")
            let text = try await output(
                "--prompt", "the", "--seed", "4", "--length", "300", "--stop", "a", "--stop", "\\n")
            let expected = whole.dropFirst(3).prefix { $0 != "a" && $0 != "\n" }
            #expect(text == "the" + expected + "\n")
        }

        // MARK: Several texts

        @Test func samplesAreSeparated() async throws {
            let text = try await output(
                "--prompt", "the", "--samples", "3", "--length", "20", "--seed", "5", "--ban", "\\n")
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(lines.count == 6 && lines[1] == "---" && lines[3] == "---" && lines[5] == "")
            for (index, line) in [lines[0], lines[2], lines[4]].enumerated() {
                let single = try await output(
                    "--prompt", "the", "--length", "20", "--seed", "\(5 + index)", "--ban", "\\n")
                #expect(single == line + "\n")
            }
        }

        @Test func beamsFindAMoreProbableTextThanGreedy() async throws {
            func best(_ width: Int) async throws -> (text: String, logProbability: Double) {
                let result = try await generate(
                    ["--prompt", "the", "--beam", "\(width)", "--length", "12", "--json"])
                let objects = try result.objects()
                #expect(objects.count == width)
                #expect(objects.allSatisfy { $0["event"] as? String == "hypothesis" })
                let scores = objects.compactMap { $0["score"] as? Double }
                #expect(scores == scores.sorted(by: >) && scores.count == width)
                return try (
                    #require(objects.first?["text"] as? String),
                    #require(objects.first?["logProbability"] as? Double)
                )
            }
            let (greedy, wide) = try await (best(1), best(40))
            #expect(wide.logProbability >= greedy.logProbability)
            #expect(
                try await output("--prompt", "the", "--greedy", "--length", "12") == "the\(greedy.text)\n")
            #expect(
                try await output("--prompt", "the", "--beam", "40", "--length", "12") == "the\(wide.text)\n")
        }

        @Test func completionsComeWithProbabilities() async throws {
            let text = try await output("--prompt", "the ti", "--complete", "4")
            let lines = text.split(separator: "\n").map {
                $0.split(separator: "\t", omittingEmptySubsequences: false)
            }
            #expect(lines.count == 4 && lines.allSatisfy { $0.count == 2 })
            let probabilities = lines.compactMap { Double($0[0]) }
            #expect(probabilities.count == 4 && probabilities == probabilities.sorted(by: >))
            #expect(lines.allSatisfy { $0[1].allSatisfy(\.isLetter) })
            let objects = try await generate(["--prompt", "the ti", "--complete", "4", "--json"]).objects()
            #expect(objects.map { $0["text"] as? String } == lines.map { String($0[1]) })
        }

        @Test func piecesAndSummaryAreObjects() async throws {
            let options = ["--prompt", "the", "--length", "30", "--seed", "2"]
            let objects = try await generate(options + ["--json"]).objects()
            let text = objects.compactMap { $0["text"] as? String }.joined()
            #expect(try await generate(options).output == "the\(text)\n")
            let end = try #require(objects.last)
            #expect(end["event"] as? String == "finished")
            #expect(end["tokens"] as? Int == 30 && end["promptTokens"] as? Int == 3)
            #expect(end["stopReason"] as? String == "length" && end["stopString"] is NSNull)
            #expect(end["seconds"] is Double && end["tokensPerSecond"] is Double)
            let stopped = try await generate(options + ["--json", "--stop", " "]).objects()
            #expect(stopped.last?["stopReason"] as? String == "stop")
            #expect(stopped.last?["stopString"] as? String == " ")
        }

        // MARK: Interaction

        private func converse(_ answers: String, _ options: String...) async throws -> Unroll.Result {
            try await generate(["--prompt", "the", "--interactive"] + options, input: answers)
        }

        @Test func thePersonPicksTheNextToken() async throws {
            let greedy = try await output("--prompt", "the", "--greedy", "--length", "5")
            for answers in ["\n\n\n\n\nq\n", "1\n1\n1\n1\n1\n", "\n1\n3\nu\n\n1\n\nq\n", "\n\n\n\n\nx\nu\n"] {
                let result = try await converse(answers)
                #expect(result.status == 0)
                #expect(result.output == greedy, "\(answers)")
            }
        }

        @Test func textsOfOnesOwnAreReadByTheModel() async throws {
            let result = try await converse(" time\n=q\n=\\n\nand=\n=3\nq\n")
            #expect(result.output == "the timeq\nand=3\n")
            #expect(result.error.contains("has never seen 'q'"))
            #expect(result.error.contains("has never seen '='"))
            let raw = try await converse("a\\n\n", "--no-escape")
            #expect(raw.output == "thea\\n\n")
        }

        @Test func mistakesAreToldAndNothingIsLost() async throws {
            let result = try await converse("u\n17\n0\n-1\na\\d\n time\n")
            #expect(result.status == 0)
            #expect(result.output == "the time\n")
            for text in ["nothing to undo", "no choice 17", "no choice 0", "no choice -1", "'\\d'"] {
                #expect(result.error.contains(text), "\(text)")
            }
        }

        @Test func choicesAreThoseOfTheOptions() async throws {
            let result = try await converse("q\n", "--top-k", "2", "--temperature", "0.5")
            #expect(result.error.contains("\n  2  0."))
            #expect(!result.error.contains("\n  3  0."))
            let odd = try await converse("a\\tb\\\\\nq\n")
            #expect(odd.output == "thea\tb\\\n")
            #expect(odd.error.contains("\nthea\\tb\\\\\n"))
        }

        // MARK: Prompts

        @Test func escapesStandForWhatCannotBeTyped() async throws {
            let none = ["--length", "0"]
            for (typed, text) in [
                ("a\\nb", "a\nb"), ("a\\tb", "a\tb"), ("a\\\\n", "a\\n"), ("\\\"a\\\"", "\"a\""),
                ("\\u{e4}\\u{1F600}", "ä😀"), ("a\\'", "a'"), ("\\\\\\\\", "\\\\"),
            ] {
                #expect(try await generate(["--prompt", typed] + none).output == text + "\n")
                let raw = try await generate(["--prompt", typed, "--no-escape"] + none)
                #expect(raw.output == typed + "\n")
            }
            for typed in [
                "a\\", "\\d", "\\u", "\\u{", "\\u{}", "\\u{d800}", "\\u{110000}", "\\u{xyz}", "\\u41",
            ] {
                try await expectFailure(
                    ["generate", "model", "--prompt", typed], status: 64, naming: "--prompt", "--no-escape",
                    in: folder)
            }
        }

        @Test func promptsComeFromFilesAndPipes() async throws {
            try folder.write("the time\n", to: "prompt.txt")
            let options = ["--greedy", "--length", "9"]
            let expected = try await generate(["--prompt", "the time"] + options).output
            #expect(try await generate(["--prompt-file", "prompt.txt"] + options).output == expected)
            let piped = try await generate(["--prompt-file", "-"] + options, input: "the time\n")
            #expect(piped.output == expected)
            let device = try await generate(["--prompt-file", "/dev/stdin"] + options, input: "the time\n")
            #expect(device.output == expected)
            let windows = try await generate(["--prompt-file", "-"] + options, input: "the time\r\n")
            #expect(windows.output == expected)
            let escaped = try await generate(["--prompt-file", "-", "--length", "0"], input: "a\\n")
            #expect(escaped.output == "a\\n\n")
        }

        /// A model of a text in which white space is squeezed.
        private func trainLowercase(_ options: String...) async throws {
            try folder.write(String(repeating: "the cat sat on the mat\n", count: 40), to: "cat.txt")
            let result = try await Unroll.run(
                ["train", "cat.txt", "--output", "cat", "--epochs", "1", "--preprocess", "lowercase"]
                    + Unroll.tiny + options, in: folder)
            #expect(result.status == 0, "\(result.error)")
        }

        private func generateCat(_ options: String..., input: String = "") async throws -> Unroll.Result {
            try await Unroll.run(
                ["generate", "cat", "--threads", "1"] + options, input: Data(input.utf8), in: folder)
        }

        @Test func aSpaceAtTheEndOfAPromptBeginsAWord() async throws {
            try await trainLowercase("--prompt", " ")
            let end = try await generateCat("--prompt", "the ", "--json", "--length", "1").objects().last
            #expect(end?["promptTokens"] as? Int == 4)
            let inside = try await generateCat("--prompt", "sat on", "--complete", "20", "--json").objects()
            #expect(inside.contains { $0["text"] as? String == "" })
            let after = try await generateCat("--prompt", "sat on ", "--complete", "20", "--json").objects()
            #expect(after.count == 20 && !after.contains { $0["text"] as? String == "" })
        }

        @Test func whatIsTypedContinuesAWord() async throws {
            try await trainLowercase("--tokens", "words")
            let end = try await generateCat("--prompt", "The cat ", "--json", "--length", "1").objects().last
            #expect(end?["promptTokens"] as? Int == 2)
            let result = try await generateCat(
                "--prompt", "the ca", "--interactive", input: "t\n s\nat\n=q\n")
            #expect(result.output == "the cat satq\n")
            #expect(result.error.contains("has never seen 'ca'; "))
            #expect(result.error.contains("has never seen 'satq'; "))
            #expect(!result.error.contains("never seen 'cat'") && !result.error.contains("never seen 'at'"))
        }

        // MARK: Failures

        @Test(arguments: [
            ["--top-k", "0"], ["--top-k", "-1"], ["--top-k", "many"], ["--top-p", "0"], ["--top-p", "2"],
            ["--top-p", "nan"], ["--min-p", "-0.1"], ["--min-p", "1.5"], ["--repetition-penalty", "0"],
            ["--repetition-penalty", "inf"], ["--repetition-window", "0", "--repetition-penalty", "2"],
            ["--presence-penalty", "2.1"], ["--frequency-penalty", "nan"],
            ["--repetition-window", "3"], ["--ban", "zebra"], ["--ban", ""], ["--stop", ""],
            ["--samples", "0"], ["--samples", "-1"], ["--beam", "0"], ["--beam", "100000"],
            ["--length-penalty", "1"], ["--length-penalty", "-1", "--beam", "2"], ["--complete", "0"],
            ["--greedy", "--top-k", "3"], ["--top-p", "0.5", "--greedy"], ["--min-p", "0.5", "--greedy"],
            ["--samples", "2", "--greedy"], ["--beam", "2", "--samples", "2"],
            ["--beam", "2", "--seed", "1"],
            ["--temperature", "0.5", "--beam", "2"], ["--complete", "2", "--interactive"],
            ["--complete", "2", "--length", "5"], ["--stop", "x", "--complete", "2"],
            ["--interactive", "--json"], ["--greedy", "--interactive"], ["--stop", "\\d"], ["--ban", "\\"],
            ["--prompt-file", "text.txt"],
        ])
        func optionsThatMakeNoSenseAreNamed(options: [String]) async throws {
            try await expectFailure(
                ["generate", "model", "--prompt", "a"] + options, status: 64, naming: options[0], in: folder)
        }

        @Test func promptsThatCannotBeReadAreNamed() async throws {
            try await expectFailure(
                ["generate", "model"], status: 64, naming: "--prompt", "--prompt-file", in: folder)
            try await expectFailure(
                ["generate", "model", "--prompt-file", "nowhere.txt"], status: 1,
                naming: "nowhere.txt: no such file", in: folder)
            try await expectFailure(
                ["generate", "model", "--prompt-file", "model"], status: 1, naming: "model", in: folder)
            try Data([0x61, 0xFF]).write(to: folder("faulty.txt"))
            try await expectFailure(
                ["generate", "model", "--prompt-file", "faulty.txt"], status: 1, naming: "faulty.txt",
                "UTF-8",
                in: folder)
            for mode in [[], ["--samples", "2"], ["--beam", "2"], ["--complete", "2"]] {
                try await expectFailure(
                    ["generate", "model", "--prompt-file", "-"] + mode, status: 64, naming: "prompt is empty",
                    in: folder)
            }
            try await expectFailure(
                ["generate", "model", "--prompt-file", "-", "--interactive"], status: 64,
                naming: "--interactive", "standard input", in: folder)
        }

        @Test func noEscapeNeedsATextThatIsTyped() async throws {
            try await expectFailure(
                ["generate", "model", "--prompt-file", "text.txt", "--no-escape"], status: 64,
                naming: "--no-escape", in: folder)
            let result = try await Unroll.run(
                ["generate", "model", "--prompt-file", "text.txt", "--no-escape", "--stop", "t"], in: folder)
            #expect(result.status == 0, "\(result.error)")
        }
    }
}
