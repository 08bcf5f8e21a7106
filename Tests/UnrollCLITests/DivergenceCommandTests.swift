import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Options without effect, warm-ups without end, and runs that diverge, as people see them.
    @Suite struct DivergenceCommandTests {
        @Test(arguments: [
            (["--cell", "gru", "--zoneout-memory", "0.5"], "--zoneout-memory needs --cell to be lstm"),
            (["--zoneout-memory", "0.5"], "--zoneout-memory needs --cell to be lstm"),
            (
                ["--dropout", "0.3", "--variational-dropout", "--sequence-length", "1"],
                "--variational-dropout needs --sequence-length to be at least 2"
            ),
            (
                ["--weight-drop", "0.3", "--sequence-length", "1", "--partitioning", "random"],
                "--weight-drop needs --sequence-length"
            ),
            (["--average-decay", "0"], "--average-decay is 0.0 but must be above 0"),
            (
                ["--schedule", "exponential", "--decay", "1"],
                "--decay is 1.0 but must be above 0 and below 1"
            ),
            (["--schedule", "cosine", "--final-rate", "1"], "--final-rate is 1.0 but must be other than"),
        ])
        func trainingOptionsWithoutEffectAreUsageErrors(options: [String], text: String) async throws {
            try await expectFailure(["train"] + options, status: 64, naming: text, in: TemporaryFolder())
        }

        @Test(arguments: [
            (["--top-k", "1", "--temperature", "0.5"], "--top-k is 1 but must be at least 2"),
            (["--top-k", "1", "--top-p", "0.5"], "--top-k is 1 but must be at least 2"),
            (["--min-p", "1", "--alpha", "2"], "--min-p is 1 but must be below 1"),
        ])
        func samplingOptionsThatCancelEachOtherAreUsageErrors(options: [String], text: String) async throws {
            try await expectFailure(
                ["generate", "model", "--prompt", "a"] + options, status: 64, naming: text,
                in: TemporaryFolder())
        }

        @Test func limitsThatARunDoesNotReachAreNoted() async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(
                in: folder, options: ["--schedule", "step", "--warmup", "100000"])
            #expect(
                result.error.contains("note: --decay-after is 10, which has no effect: the run has 2 epochs"))
            #expect(result.error.contains("note: the warm-up of 100000 steps is not shorter than the run"))
            #expect(result.error.contains("(--warmup, --epochs)"))
        }

        @Test func adviceDependsOnWhatIsHeldOut() async throws {
            for (options, isTold) in [(["--validation", "0.2"], false), ([], true)] {
                let folder = try TemporaryFolder()
                let result = try await trainTinyModel(in: folder, options: ["--hidden", "60"] + options)
                #expect(result.error.contains("more parameters"))
                #expect(result.error.contains("hold some text out") == isTold)
                #expect(result.error.contains("--validation 0.1") == isTold)
            }
        }

        /// Every number has its decimals, or an exponent; only counts are longer, with separators.
        private func longNumbers(in text: String) -> [Substring] {
            text.matches(of: /[0-9]+(\.[0-9]+)?/).map(\.output.0).filter { $0.count { $0 != "." } > 6 }
        }

        @Test(arguments: ["30", "1e3", "1e38"])
        func divergenceIsSaidInFewDigits(rate: String) async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            let result = try await Unroll.run(
                [
                    "train", "text.txt", "--output", "model", "--epochs", "60", "--learning-rate", rate,
                    "--max-gradient-norm", "0",
                ] + Unroll.tiny, in: folder)
            #expect(result.error.contains("at half the learning rate"))
            #expect(result.status == 0 || result.error.contains("unroll: training diverged"))
            #expect(
                longNumbers(in: result.error + result.lines.joined(separator: "\n")).isEmpty,
                "\(result.error)")
        }

        @Test func aShortRunThatDivergesSaysHowBadItIs() async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            let result = try await Unroll.run(
                [
                    "train", "text.txt", "--preset", "book", "--output", "model", "--epochs", "1",
                    "--learning-rate", "100",
                    "--max-gradient-norm", "0", "--batch", "4", "--sequence-length", "20", "--hidden", "8",
                    "--limit", "2000", "--threads", "1",
                ], in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.error.contains("times that of tokens drawn at random"), "\(result.error)")
            let report = try await Unroll.run(["report", "model", "--output", "report.html"], in: folder)
            #expect(report.status == 0, "\(report.error)")
            let page = try String(contentsOf: folder("report.html"), encoding: .utf8)
            #expect(page.contains("e+"), "a perplexity of many digits")
        }
    }
}
