import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    @Suite struct HelpTests {
        @Test(arguments: [
            ["--help"], ["help"], [], ["train", "--help"], ["generate", "--help"], ["evaluate", "--help"],
            ["compress", "--help"], ["decompress", "--help"], ["quantize", "--help"], ["import", "--help"],
            ["export", "--help"], ["info", "--help"], ["report", "--help"], ["corpus", "--help"],
            ["recipe", "--help"], ["serve", "--help"],
            ["benchmark", "--help"],
            ["help", "train"],
        ])
        func helpShowsExamples(arguments: [String]) async throws {
            let result = try await Unroll.run(arguments, in: TemporaryFolder())
            #expect(result.status == 0)
            #expect(result.error == "")
            #expect(result.output.contains("USAGE: unroll"))
            #expect(result.output.contains("Examples:\n  "))
            // Terminals have eighty columns; the parser does not break the line of usage.
            #expect(result.lines.allSatisfy { $0.count <= 80 || $0.hasPrefix("USAGE:") })
        }

        @Test(arguments: ["bash", "zsh", "fish"])
        func completionScriptsNameCommandsAndOptions(shell: String) async throws {
            let result = try await Unroll.run(["--generate-completion-script", shell], in: TemporaryFolder())
            #expect(result.status == 0)
            #expect(result.error == "")
            for word in [
                "train", "generate", "evaluate", "compress", "adaptive", "decompress", "report",
                "tensorboard", "learning-rate", "temperature",
                "sequential",
            ] {
                #expect(result.output.contains(word), "\(word)")
            }
        }
    }
}
