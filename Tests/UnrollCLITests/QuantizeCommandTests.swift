import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `quantize`, and what uses its models.
    @Suite struct QuantizeCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        private func run(_ arguments: String...) async throws -> Unroll.Result {
            try await Unroll.run(arguments, in: folder)
        }

        @Test func aQuantizedModelIsSmallerAndIsUsedAsAnyOther() async throws {
            let quantized = try await run("quantize", "model/", "--text", "text.txt", "--threads", "1")
            #expect(quantized.status == 0, "\(quantized.error)")
            #expect(quantized.lines[0].hasPrefix("int8 model in model-int8: "))
            #expect(quantized.lines[1].hasPrefix("perplexity "))
            #expect(quantized.lines[1].contains(" in int8, ") && quantized.lines[1].hasSuffix(" %"))
            let named = try await run("quantize", "model", "--bits", "8", "--output", "small", "--json")
            #expect(try named.objects().first?["model"] as? String == "small")
            #expect(try named.objects().first?["text"] is NSNull)
            for name in ["config.json", "model.safetensors", "vocabulary.json"] {
                let files = try ["small", "model-int8"].map { try Data(contentsOf: folder("\($0)/\(name)")) }
                #expect(files[0] == files[1], "\(name)")
            }

            // The quantized model, and the model in int8, are one.
            for arguments in [
                ["generate", "--prompt", "the ", "--length", "40", "--seed", "3"],
                ["generate", "--prompt", "the ", "--length", "9", "--samples", "2"],
                ["evaluate", "text.txt", "--json"], ["evaluate", "text.txt", "--per-line"],
            ] {
                func result(_ model: String, _ options: [String]) async throws -> Unroll.Result {
                    let result = try await Unroll.run(
                        [arguments[0], model] + arguments.dropFirst() + options, in: folder)
                    #expect(result.status == 0 && result.error == "", "\(result.error)")
                    return result
                }
                let output = try await result("model-int8", []).output
                #expect(try await result("model", ["--precision", "int8"]).output == output)
                #expect(try await result("model-int8", ["--precision", "int8"]).output == output)
            }
            let exact = try await run("evaluate", "model", "text.txt", "--json")
            let rounded = try await run("evaluate", "model-int8", "text.txt", "--json")
            #expect(exact.output != rounded.output)
            let checked = try await run("evaluate", "model-int8", "text.txt", "--engine", "reference")
            #expect(checked.status == 0)

            let info = try await run("info", "model-int8", "--text", "text.txt", "--original", "model")
            #expect(info.output.contains(", weights in int8\nsize  "))
            #expect(info.lines.last == quantized.lines[1])
            let alone = try await run("info", "model-int8", "--text", "text.txt")
            #expect(alone.lines.last?.contains("with the same weights") == true)
        }

        @Test(arguments: ["portable", "avx2"]) func compressedTextsComeBackOnOtherKernels(
            level: String
        ) async throws {
            _ = try await run("quantize", "model")
            let kernels = ["UNROLL_KERNELS": level]
            let compressed = try await Unroll.run(
                ["compress", "model-int8", "text.txt", "\(level).unr"], environment: kernels, in: folder)
            // A machine without the kernels refuses them.
            guard compressed.status == 0 else {
                #expect(compressed.error.contains("this processor has no"))
                return
            }
            let back = try await run("decompress", "model-int8", "\(level).unr", "-")
            #expect(back.status == 0, "\(back.error)")
            #expect(try back.output == String(contentsOf: folder("text.txt"), encoding: .utf8))
        }

        @Test func whatCannotBeDoneIsSaid() async throws {
            _ = try await run("quantize", "model")
            try await expectFailure(
                ["quantize", "model-int8"], status: 1, naming: "eight bits already", in: folder)
            try await expectFailure(
                ["quantize", "model", "--bits", "4"], status: 64, naming: "--bits", in: folder)
            try await expectFailure(
                ["quantize", "model", "--threads", "2"], status: 64, naming: "--text", in: folder)
            try await expectFailure(["quantize", "nothing"], status: 1, naming: "nothing", in: folder)
            try await expectFailure(
                ["quantize", "model", "--output", "model"], status: 1, naming: "holds another model",
                in: folder)
            try await expectFailure(
                ["info", "model", "--original", "model"], status: 64, naming: "--text", in: folder)
            try await expectFailure(
                ["train", "text.txt", "--precision", "int8"], status: 64, naming: "quantize", in: folder)
            try await expectFailure(
                ["train", "--resume", "model-int8"], status: 1, naming: "model-int8", in: folder)
            try await expectFailure(
                ["evaluate", "model", "text.txt", "--dynamic", "--precision", "int8"], status: 1,
                naming: "nothing is trained in int8", in: folder)
            try await expectFailure(
                ["compress", "--adaptive", "text.txt", "x.unr", "--precision", "int8"], status: 64,
                naming: "float32", in: folder)
            try await expectFailure(
                ["benchmark", "--workload", "rnn512", "--precision", "int8"], status: 64,
                naming: "nothing is trained", in: folder)
        }
    }
}
