import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `benchmark`: what it says, not how much.
    @Suite struct BenchmarkCommandTests {
        private let common: Set<String> = ["workload", "engine", "kernels", "precision", "threads"]
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
        }

        private func benchmark(_ workloads: [String], _ options: String...) async throws -> Unroll.Result {
            try await Unroll.run(
                ["benchmark", "--repeats", "2", "--threads", "1"]
                    + workloads.flatMap { ["--workload", $0] } + options,
                in: folder)
        }

        @Test func everyKindOfWorkloadHasItsLine() async throws {
            let figures = [
                "rnn32": ["tokensPerSecond", "minimumTokensPerSecond", "maximumTokensPerSecond"],
                "custom512": ["tokensPerSecond", "minimumTokensPerSecond", "maximumTokensPerSecond"],
                "generate-rnn512": [
                    "charactersPerSecond", "minimumCharactersPerSecond", "maximumCharactersPerSecond",
                ],
                "samples-rnn512": [
                    "timesOne", "minimumTimesOne", "maximumTimesOne", "charactersPerSecond",
                    "charactersPerSecondOfOne", "streams",
                ],
                "first-character": ["milliseconds", "minimumMilliseconds", "maximumMilliseconds"],
            ]
            let workloads = figures.keys.sorted()
            let result = try await benchmark(workloads, "--json")
            #expect(result.status == 0)
            #expect(result.error == "")
            let lines = try result.objects()
            #expect(lines.map { $0["workload"] as? String } == workloads)
            for line in lines {
                let workload = try #require(line["workload"] as? String)
                let keys = try #require(figures[workload])
                let operations: Set = ["gflops", "peakGflops", "fractionOfPeak"]
                let training = keys[0] == "tokensPerSecond" ? operations : []
                #expect(Set(line.keys) == common.union(keys).union(training))
                #expect(line["engine"] as? String == "cpu")
                #expect(line["precision"] as? String == "float32")
                #expect(line["threads"] as? Int == 1)
                let values = try keys.map { try #require(line[$0] as? Double) }
                #expect(0 < values[1] && values[1] <= values[0] && values[0] <= values[2])
            }
        }

        @Test func peopleGetALineEach() async throws {
            let result = try await benchmark(["rnn32", "first-character"])
            #expect(result.status == 0)
            #expect(result.lines.count == 2)
            #expect(result.lines[0].hasPrefix("rnn32: "))
            #expect(result.lines[0].contains(" tokens/s ("))
            #expect(result.lines[0].hasSuffix(" on 1 thread"))
            #expect(result.lines[1].hasPrefix("first-character: "))
            #expect(result.lines[1].contains(" ms ("))
        }

        @Test func wrongOptionsAreWrongUsage() async throws {
            try await expectFailure(
                ["benchmark", "--workload", "rnn513"], status: 64, naming: "'rnn513'", in: folder)
            try await expectFailure(
                ["benchmark", "--repeats", "0"], status: 64, naming: "--repeats", in: folder)
        }
    }
}
