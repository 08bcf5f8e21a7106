import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `evaluate` line by line, with dynamic evaluation, and as a page.
    @Suite struct EvaluateCommandTests {
        private let folder: TemporaryFolder
        private static let odd =
            "the time traveller went into the gwrden, and the lamp was still burning there."

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(
                in: folder, epochs: 40, options: ["--learning-rate", "2", "--hidden", "24"])
            let usual = englishText.split(separator: "\n").prefix(5)
            try folder.write(
                (usual.prefix(3) + [Self.odd[...]] + usual.suffix(2)).joined(separator: "\n") + "\n",
                to: "log.txt")
        }

        private func evaluate(_ options: String..., input: String = "") async throws -> Unroll.Result {
            try await Unroll.run(
                ["evaluate", "model", "--threads", "1"] + options, input: Data(input.utf8), in: folder)
        }

        private func columns(_ result: Unroll.Result) -> [[String]] {
            result.lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
        }

        // MARK: Lines

        @Test func eachLineHasItsScore() async throws {
            let result = try await evaluate("log.txt", "--per-line")
            #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
            let rows = columns(result)
            #expect(rows.map { $0[2] } == ["1", "2", "3", "4", "5", "6"])
            #expect(rows.allSatisfy { $0.count == 6 })
            #expect(rows[3][5] == Self.odd)
            #expect(rows[3][4].contains("w"))
            let nats = rows.compactMap { Double($0[0]) }
            // Equal lines are equally surprising wherever they stand.
            #expect(nats[0] == nats[5] && nats[3] > nats[0] + 1)
            let piped = try await evaluate(
                "-", "--per-line", input: String(contentsOf: folder("log.txt"), encoding: .utf8))
            #expect(piped.output == result.output)
        }

        @Test func linesAsJSONSayAll() async throws {
            let people = columns(try await evaluate("log.txt", "--per-line"))
            let lines = try await evaluate("log.txt", "--per-line", "--json").objects()
            #expect(lines.count == 6)
            for (line, row) in zip(lines, people) {
                #expect(
                    Set(line.keys) == [
                        "line", "nats", "tokens", "unknown", "bitsPerByte", "bitsPerCharacter", "excess",
                        "span", "text",
                    ])
                let nats = try #require(line["nats"] as? Double)
                #expect(String(format: "%.3f", nats) == row[0])
                let text = try #require(line["text"] as? String)
                #expect(line["tokens"] as? Int == text.count + 1)
                #expect(
                    try abs(#require(line["bitsPerByte"] as? Double) - nats / log(2) / Double(text.count + 1))
                        < 1e-9)
                guard let span = line["span"] as? [String: Any] else { continue }
                let (start, end) = (try #require(span["start"] as? Int), try #require(span["end"] as? Int))
                let bytes = Array((text + "\n").utf8)[start..<end]
                #expect(span["text"] as? String == String(decoding: bytes, as: UTF8.self))
            }
        }

        @Test func theMostSurprisingLinesComeFirst() async throws {
            let all = columns(try await evaluate("log.txt", "--per-line"))
            let expected = all.enumerated().sorted { left, right in
                let (first, second) = (Double(left.element[3]) ?? 0, Double(right.element[3]) ?? 0)
                return first == second ? left.offset < right.offset : first > second
            }.map { $0.element[2] }
            #expect(
                columns(try await evaluate("log.txt", "--per-line", "--top", "3")).map { $0[2] }
                    == Array(expected.prefix(3)))
            #expect(expected[0] == "4")
            let top = try await evaluate("log.txt", "--per-line", "--top", "9223372036854775807")
            #expect(columns(top).map { $0[2] } == expected)
            let excess = try #require(Double(all[3][3]))
            let some = try await evaluate("log.txt", "--per-line", "--threshold", "\(excess - 0.01)")
            #expect(columns(some).map { $0[2] } == ["4"])
            let none = try await evaluate("log.txt", "--per-line", "--threshold", "\(excess + 1000)")
            #expect(none.status == 0 && none.output.isEmpty)
        }

        @Test func whatWouldDisturbATerminalIsWritten() async throws {
            let result = try await evaluate("-", "--per-line", input: "a\tb\u{1B}[31mc\r\n漢字\n")
            #expect(result.status == 0)
            let rows = columns(result)
            #expect(rows.allSatisfy { $0.count == 6 })
            #expect(rows[0][5] == #"a\tb\u{1B}[31mc\r"# || rows[0][5] == #"a\tb\u{001B}[31mc\r"#)
            #expect(rows[1][5] == "漢字")
            #expect(result.error.contains("tokens are unknown to the model"))
        }

        // MARK: One definition

        @Test(arguments: [Self.odd + "\n", "the lamp\n", "t\n"])
        func allFormsAgreeOnALine(text: String) async throws {
            try folder.write(text, to: "line.txt")
            var results: [[String: Any]] = []
            for options in [[], ["--heatmap", "line.html"], ["--per-line"]] {
                let result = try await Unroll.run(
                    ["evaluate", "model", "line.txt", "--json", "--threads", "1"] + options, in: folder)
                results.append(try #require(try result.objects().first, "\(result.error)"))
            }
            for key in ["nats", "bitsPerCharacter", "bitsPerByte"] {
                let values = results.compactMap { $0[key] as? Double }
                #expect(values.count == 3, "\(key): \(values)")
                #expect(values.allSatisfy { abs($0 / values[0] - 1) < 1e-5 }, "\(key): \(values)")
            }
            #expect(results.allSatisfy { $0["tokens"] as? Int == text.count })
            let perplexities = results.compactMap { $0["perplexity"] as? Double }
            #expect(perplexities.count == 2 && abs(perplexities[0] / perplexities[1] - 1) < 1e-5)
        }

        @Test func aTextOfOneTokenHasAResult() async throws {
            try folder.write("t", to: "one.txt")
            for options in [[], ["--heatmap", "one.html"], ["--dynamic"]] {
                let result = try await Unroll.run(
                    ["evaluate", "model", "one.txt", "--json"] + options, in: folder)
                #expect(try result.objects().first?["tokens"] as? Int == 1)
            }
        }

        @Test(arguments: [["--tokens", "words"], ["--preprocess", "lowercase"]])
        func bitsPerByteAreLeftOutWhereTokensDoNotDetermineBytes(options: [String]) async throws {
            let trained = try await Unroll.run(
                ["train", "text.txt", "--output", "other", "--epochs", "1"] + Unroll.tiny + options,
                in: folder)
            #expect(trained.status == 0, "\(trained.error)")
            try folder.write("the  lamp was\n\nstill burning\n", to: "other.txt")
            for form in [[], ["--heatmap", "page.html"], ["--dynamic"], ["--per-line"]] {
                let arguments = ["evaluate", "other", "other.txt"] + form
                let line = try #require(
                    try await Unroll.run(arguments + ["--json"], in: folder).objects().first)
                #expect(line["bitsPerByte"] is NSNull && line["nats"] is Double)
                let people = try await Unroll.run(arguments, in: folder)
                #expect(people.status == 0 && !people.output.contains("bits per byte"))
                if form == ["--per-line"] { #expect(columns(people).allSatisfy { $0[1].isEmpty }) }
            }
            #expect(!(try String(contentsOf: folder("page.html"), encoding: .utf8)).contains("bits per byte"))
        }

        @Test func unknownTokensTakeTheBitsPerByteOfTheirLine() async throws {
            let lines = try await evaluate("-", "--per-line", "--json", input: "the lamp\nthe ü lamp\n")
                .objects()
            #expect(lines[0]["bitsPerByte"] is Double && lines[1]["bitsPerByte"] is NSNull)
        }

        // MARK: Dynamic evaluation

        @Test func dynamicEvaluationLeavesTheModelAsItIs() async throws {
            let parameters = try Data(contentsOf: folder("model/model.safetensors"))
            try folder.write(String(repeating: "garden lamp time ", count: 100), to: "other.txt")
            func nats(_ options: String...) async throws -> Double {
                let result = try await Unroll.run(
                    ["evaluate", "model", "other.txt", "--json"] + options, in: folder)
                return try #require(try result.objects().first?["nats"] as? Double, "\(result.error)")
            }
            let plain = try await nats()
            let dynamic = try await nats("--dynamic")
            #expect(dynamic < 0.9 * plain)
            #expect(try await nats("--dynamic", "--learning-rate", "0.0000001") > dynamic)
            #expect(try await nats() == plain)
            #expect(try Data(contentsOf: folder("model/model.safetensors")) == parameters)
        }

        // MARK: Pages

        @Test func aHeatMapIsWritten() async throws {
            let result = try await evaluate("log.txt", "--heatmap", "log.html")
            #expect(result.status == 0 && result.error.isEmpty, "\(result.error)")
            #expect(result.lines.last == "heat map            log.html")
            #expect(result.lines[0].hasPrefix("tokens  "))
            let page = try String(contentsOf: folder("log.html"), encoding: .utf8)
            #expect(page.contains("<title>log.txt · Unroll</title>"))
            let again = try await evaluate("-", "--heatmap", "log.html", "--json", input: "the lamp")
            #expect(try again.objects().first?["tokens"] as? Int == 8)
        }

        @Test func aLongTextIsCutForItsPage() async throws {
            try folder.write(String(repeating: "the lamp was still burning\n", count: 10_000), to: "long.txt")
            let result = try await evaluate("long.txt", "--heatmap", "long.html")
            #expect(result.status == 0)
            #expect(
                result.error == "note: the page shows the first 262144 bytes, and the figures are theirs\n")
        }

        // MARK: Failures

        @Test func whatCannotBeScoredIsNamed() async throws {
            try folder.write("", to: "empty.txt")
            try folder.write("t", to: "short.txt")
            try Data([0x74, 0x0A, 0xFF]).write(to: folder("binary"))
            for options in [["--per-line"], ["--heatmap", "page.html"], ["--dynamic"], []] {
                for (file, reason) in [
                    ("nowhere.txt", "nowhere.txt: no such file"), ("empty.txt", "empty.txt: no tokens"),
                    ("binary", "not valid UTF-8 at byte 2"),
                ] where options != ["--per-line"] || file == "nowhere.txt" {
                    try await expectFailure(
                        ["evaluate", "model", file] + options, status: 1, naming: reason, in: folder)
                }
            }
            try await expectFailure(
                ["evaluate", "model", "model", "--per-line"], status: 1, naming: "model: is a folder",
                in: folder)
            // After a line feed, even one character is predicted.
            #expect(try await evaluate("short.txt", "--per-line").lines.count == 1)
            #expect(try await evaluate("short.txt", "--heatmap", "short.html").status == 0)
            #expect(try await evaluate("short.txt", "--dynamic").lines[0] == "tokens              1")
        }

        @Test func pagesThatCannotBeWrittenAreNamed() async throws {
            try folder.write("mine", to: "mine.html")
            for (page, reason) in [
                ("nowhere/page.html", "nowhere/page.html: cannot be written"),
                ("mine.html", "is not a heat map"),
                ("model", "model: exists already"),
            ] {
                try await expectFailure(
                    ["evaluate", "model", "log.txt", "--heatmap", page], status: 1, naming: reason, in: folder
                )
            }
        }

        @Test func aPageIsNotReadAndWrittenAtOnce() async throws {
            #expect(try await evaluate("log.txt", "--heatmap", "page.html").status == 0)
            try await expectFailure(
                ["evaluate", "model", "page.html", "--heatmap", "./page.html"], status: 1,
                naming: "page.html: is read and written at once", in: folder)
        }

        @Test(arguments: [
            ["--top", "3"], ["--threshold", "3"], ["--per-line", "--top", "0"],
            ["--per-line", "--top", "-1"],
            ["--per-line", "--threshold", "nan"], ["--per-line", "--heatmap", "a.html"],
            ["--per-line", "--dynamic"], ["--dynamic", "--heatmap", "a.html"], ["--heatmap", ""],
            ["--learning-rate", "1"], ["--dynamic", "--learning-rate", "0"],
            ["--dynamic", "--learning-rate", "inf"],
        ])
        func optionsThatMakeNoSenseAreWrongUsage(options: [String]) async throws {
            let name = options.last { $0.hasPrefix("--") } ?? ""
            try await expectFailure(
                ["evaluate", "model", "log.txt"] + options, status: 64, naming: name, in: folder)
        }

        @Test func aFullDiskIsNamed() async throws {
            // Every write to this device fails so.
            guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.currentDirectoryURL = folder.url
            process.arguments = [
                "-c", "'\(Unroll.executable.path)' evaluate model log.txt --per-line > /dev/full",
            ]
            let error = Pipe()
            process.standardError = error
            try process.run()
            let message = String(
                decoding: try error.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            #expect(message.contains("standard output cannot be written"))
        }
    }
}
