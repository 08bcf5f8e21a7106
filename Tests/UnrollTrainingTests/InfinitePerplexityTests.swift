import Foundation
import Testing
import UnrollBase
import UnrollTestSupport
import UnrollTraining

/// A perplexity can exceed what a number holds, for which JSON has null only.
@Suite struct InfinitePerplexityTests {
    private let report = EpochReport(
        epoch: 1, perplexity: .infinity, validationPerplexity: nil, gradientNorm: 2, tokensPerSecond: 3,
        seconds: 4, step: 5)

    @Test func reportsAreLoggedAndReadAgain() throws {
        let line = try JSONEncoder.unroll.encodeWithNulls(report)
        #expect(String(decoding: line, as: UTF8.self).contains(#""perplexity":null"#))
        #expect(try JSONDecoder().decode(EpochReport.self, from: line) == report)
        // A line without the key is a damaged one.
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                EpochReport.self,
                from: Data(#"{"epoch":1,"gradientNorm":1,"tokensPerSecond":1,"seconds":1}"#.utf8))
        }
        let folder = try TemporaryFolder()
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model, options: TestTraining.options(),
            engine: .cpu(threads: 1))
        try trainer.log(report, to: folder.url)
        let log = try String(contentsOf: folder("metrics.jsonl"), encoding: .utf8)
        #expect(log == String(decoding: line, as: UTF8.self) + "\n")
    }
}
