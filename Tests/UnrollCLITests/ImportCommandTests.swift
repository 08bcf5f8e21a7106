import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `unroll import`; the parameters of a model have PyTorch's names, so that they can be imported again.
    @Suite struct ImportCommandTests {
        private func trained() async throws -> TemporaryFolder {
            let folder = try TemporaryFolder()
            try folder.write(String(repeating: "the lamp was burning there\n", count: 20), to: "text")
            let training = try await Unroll.run(
                ["train", "text", "--output", "a", "--epochs", "1"] + Unroll.tiny, in: folder)
            #expect(training.status == 0)
            return folder
        }

        @Test func importedModelsAreModels() async throws {
            let folder = try await trained()
            let arguments = [
                "import", "a/model.safetensors", "--to", "b", "--vocabulary", "a/vocabulary.json", "--cell",
                "tanh",
            ]
            let result = try await Unroll.run(arguments, in: folder)
            #expect(result.status == 0)
            #expect(result.error == "saved to b\n")
            #expect(result.lines.first == "PyTorch: 1 layer of 8 units, cell tanh, 18 characters")
            #expect(result.lines.contains("rnn.weight_hh_l0 -> rnn.weight_hh_l0 [8, 8]"))
            #expect(!result.output.contains("<unk> is added"))
            let original = try await Unroll.run(["evaluate", "a", "text"], in: folder)
            #expect(original.status == 0)
            #expect(try await Unroll.run(["evaluate", "b", "text"], in: folder).output == original.output)
            let again = try await Unroll.run(arguments, in: folder)
            #expect(again.status == 1)
            #expect(again.error == "unroll: b: exists already; choose another --to, or remove it first\n")
        }

        @Test func jsonSaysTheSame() async throws {
            let folder = try await trained()
            let result = try await Unroll.run(
                [
                    "import", "a/model.safetensors", "--to", "b", "--vocabulary", "a/vocabulary.json",
                    "--cell",
                    "relu", "--json",
                ], in: folder)
            let object = try #require(try result.objects().first)
            #expect(object["framework"] as? String == "PyTorch")
            #expect(object["cell"] as? String == "relu")
            #expect(object["vocabulary"] as? Int == 18)
            #expect(object["addsUnknownToken"] as? Bool == false)
            let tensors = try #require(object["tensors"] as? [[String: Any]])
            #expect(tensors.compactMap { $0["parameter"] as? String }.count == 6)
        }

        @Test func errorsNameFlags() async throws {
            let folder = try await trained()
            let start = ["import", "a/model.safetensors", "--to", "b"]
            for (arguments, status, text) in [
                (["--bytes"], 1, "(--cell)"), (["--cell", "tanh"], 1, "(--vocabulary, --text, --bytes)"),
                (["--cell", "tanh", "--text", "text"], 1, "has 18 tokens, but"),
                (["--cell", "lstm"], 1, "have 1 gate, which"),
                (["--cell", "tanh", "--names", "decoder=fc"], 1, "(--names decoder=NAME)"),
                (["--names", "fc"], 64, "--names"),
                (["--bytes", "--text", "text"], 64, "exclude each other"),
                (["--vocabulary", "-"], 64, "reads no standard input"),
            ] as [([String], Int32, String)] {
                let result = try await Unroll.run(start + arguments, in: folder)
                #expect(result.status == status, "\(arguments)")
                #expect(result.error.contains(text), "\(result.error)")
                #expect(result.output == "")
            }
            #expect(try !folder.names().contains("b"))
        }
    }
}
