import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    @Suite struct ExportCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        private func export(_ options: String...) async throws -> Unroll.Result {
            try await Unroll.run(["export", "model"] + options, in: folder)
        }

        @Test func filesGoToAFolderWithTheNameOfTheModelAndTheFormat() async throws {
            let result = try await export("--format", "onnx")
            #expect(result.status == 0 && result.error == "")
            #expect(
                result.lines == ["sequence.onnx", "step.onnx", "vocabulary.json"].map { "model-onnx/\($0)" })
            #expect(try folder.names(in: "model-onnx").count == 3)
            let other = try await Unroll.run(["export", "./model/", "--format", "pytorch"], in: folder)
            #expect(other.lines == ["model.pt", "model.py", "vocabulary.json"].map { "model-pytorch/\($0)" })
        }

        @Test func anExportAsSafetensorsIsAModel() async throws {
            let result = try await export("--format", "safetensors", "--output", "a/network", "--json")
            #expect(result.status == 0 && result.error == "")
            let line = try #require(try result.objects().first)
            #expect(Set(line.keys) == ["format", "output", "files", "leavesOutNGrams"])
            #expect(line["format"] as? String == "safetensors" && line["output"] as? String == "a/network")
            #expect(line["files"] as? [String] == ["config.json", "model.safetensors", "vocabulary.json"])
            #expect(line["leavesOutNGrams"] as? Bool == false)
            let same = ["model", "a/network"].map { ["evaluate", $0, "text.txt"] }
            let first = try await Unroll.run(same[0], in: folder)
            #expect(try await Unroll.run(same[1], in: folder).output == first.output)
        }

        @Test func whatIsLeftOutIsTold() async throws {
            let training = ["train", "text.txt", "--ngrams", "3", "--output", "mixed"] + Unroll.tiny
            #expect(try await Unroll.run(training, in: folder).status == 0)
            let result = try await Unroll.run(["export", "mixed", "--format", "onnx", "--json"], in: folder)
            #expect(result.status == 0)
            #expect(result.error.hasPrefix("note: the 3-gram model is left out; "))
            #expect(try result.objects().first?["leavesOutNGrams"] as? Bool == true)
        }

        @Test func otherFilesAreNotReplaced() async throws {
            #expect(try await export("--format", "onnx", "--output", "out").status == 0)
            try await expectFailure(
                ["export", "model", "--format", "onnx", "--output", "out"], status: 1,
                naming: "out", "holds an export already", "--output, --force", in: folder)
            #expect(try await export("--format", "onnx", "--output", "out", "--force").status == 0)
            try await expectFailure(
                ["export", "model", "--format", "pytorch", "--output", "out", "--force"], status: 1,
                naming: "sequence.onnx", "--output", in: folder)
            try await expectFailure(
                ["export", "model", "--format", "safetensors", "--output", "model", "--force"], status: 1,
                naming: "model", "--output", in: folder)
        }

        @Test func wrongUsageIsRefused() async throws {
            try await expectFailure(["export", "model"], status: 64, naming: "--format", in: folder)
            try await expectFailure(
                ["export", "model", "--format", "tflite"], status: 64, naming: "tflite", "onnx", in: folder)
            try await expectFailure(
                ["export", "nothing", "--format", "onnx"], status: 1, naming: "nothing", in: folder)
            try await expectFailure(
                ["export", "text.txt", "--format", "onnx"], status: 1, naming: "text.txt", in: folder)
        }
    }
}
