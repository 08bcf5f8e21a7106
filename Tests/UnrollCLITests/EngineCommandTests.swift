import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `--engine` and `--device`, on machines without a GPU and with a stand-in for one.
    @Suite(.needsCompiler) struct EngineCommandTests {
        private let folder: TemporaryFolder
        private let gpu: FakeGPU
        private let train = ["train", "text.txt", "--output", "model", "--epochs", "1"] + Unroll.tiny

        init() throws {
            folder = try TemporaryFolder()
            gpu = try FakeGPU()
            try folder.write(englishText, to: "text.txt")
        }

        /// Runs `train` where it must fail with one line and leave nothing.
        private func expectRefusal(
            _ options: [String], status: Int32 = 1, naming text: String,
            _ environment: [String: String] = [:],
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            try await expectFailure(
                train + options, status: status, naming: text,
                environment: gpu.environment.merging(environment) { $1 }, in: folder,
                sourceLocation: sourceLocation)
        }

        @Test func everyReasonAgainstAGPUIsAnErrorBeforeAnythingIsWritten() async throws {
            let cuda = ["--engine", "cuda"]
            try await expectRefusal(
                cuda, naming: "there is no NVIDIA driver on this machine: /nowhere",
                ["UNROLL_CUDA_DRIVER": "/nowhere"])
            try await expectRefusal(cuda, naming: "(--engine cpu)", ["UNROLL_CUDA_DRIVER": "/nowhere"])
            try await expectRefusal(
                cuda, naming: "the NVIDIA driver is for CUDA 1.0 but must be for 12.0 or newer",
                ["FAKE_CUDA_version": "1000"])
            try await expectRefusal(
                cuda, naming: "there is no compiler of CUDA kernels (libnvrtc) in /nowhere",
                ["UNROLL_NVRTC": "/nowhere"])
            try await expectRefusal(
                cuda, naming: "the GPU 'Fake 0' has compute capability 6.0", ["FAKE_CUDA_major": "6"])
            try await expectRefusal(
                cuda, naming: "there is no NVIDIA GPU that this process may use", ["FAKE_CUDA_devices": "0"])
            try await expectRefusal(
                cuda + ["--precision", "bfloat16"], naming: "(--precision float32)",
                ["FAKE_CUDA_major": "7", "FAKE_CUDA_minor": "5"])
            try await expectRefusal(
                cuda + ["--device", "2"], naming: "there are 2, from 0 to 1 (--device)",
                ["FAKE_CUDA_devices": "2"])
        }

        @Test(arguments: ["auto", "cuda"])
        func aModelThatDoesNotFitTheGPUIsRefused(engine: String) async throws {
            try await expectRefusal(
                ["--engine", engine, "--hidden", "700"],
                naming: "do not fit in the memory of the GPU 'Fake 0', of which")
            try await expectRefusal(
                ["--engine", engine, "--batch", "60"],
                naming: "(--hidden, --layers, --batch, --sequence-length, --engine cpu)",
                ["FAKE_CUDA_free": "50000"])
        }

        @Test func aDeviceIsOneOfEngineCUDA() async throws {
            try await expectRefusal(["--device", "0"], status: 64, naming: "--engine cuda")
            for engine in ["auto", "cpu", "reference"] {
                try await expectRefusal(
                    ["--engine", engine, "--device", "1"], status: 64, naming: "--engine cuda")
            }
            try await expectRefusal(
                ["--engine", "cuda", "--device", "-1"], status: 64, naming: "--device is -1")
            try await expectRefusal(["--engine", "cuda", "--device", "one"], status: 64, naming: "'one'")
        }

        @Test func autoSaysWhatItTakesAndWhy() async throws {
            let environment = gpu.environment.merging(["FAKE_CUDA_version": "1000"]) { $1 }
            let reason = "the NVIDIA driver is for CUDA 1.0 but must be for 12.0 or newer; update it"
            func run(_ options: String...) async throws -> Unroll.Result {
                let result = try await Unroll.run(train + options, environment: environment, in: folder)
                #expect(result.status == 0, "\(result)")
                return result
            }
            let dryRun = try await run("--dry-run")
            #expect(
                dryRun.lines.contains { $0.contains(" tokens on cpu (") && $0.hasSuffix("), as \(reason)") })
            func reasonInJSON(_ options: String...) async throws -> String? {
                let result = try await Unroll.run(
                    train + ["--dry-run", "--json"] + options, environment: environment, in: folder)
                return try #require(try result.objects().first)["engineReason"] as? String
            }
            #expect(try await reasonInJSON() == reason)
            #expect(try await reasonInJSON("--engine", "cpu") == nil)
            let result = try await run()
            let first = try #require(result.error.split(separator: "\n").first)
            #expect(first.contains("; 1 epoch on cpu (") && first.hasSuffix("), as \(reason)"))
            let session = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: folder("model/environment.json")))
                    as? [String: Any])
            let engines = (session["sessions"] as? [[String: Any]])?.map { $0["engine"] as? String ?? "" }
            #expect(engines?.count == 1 && engines?[0].hasPrefix("cpu (") == true)
        }

        @Test func aResumedRunChoosesAgain() async throws {
            let first = try await Unroll.run(
                train, environment: ["UNROLL_CUDA_DRIVER": "/nowhere"], in: folder)
            #expect(first.status == 0)
            #expect(first.error.contains("), as there is no NVIDIA driver on this machine: /nowhere"))
            let second = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "2", "--json"],
                environment: gpu.environment.merging(["FAKE_CUDA_devices": "0"]) { $1 }, in: folder)
            #expect(second.status == 0)
            #expect(second.error.contains("2 epochs, 1 of them done, on cpu ("))
            #expect(
                try second.objects()[0]["engineReason"] as? String
                    == "there is no NVIDIA GPU that this process may use")
        }

        @Test func aGPUThatCanBeUsedIsTaken() async throws {
            let result = try await Unroll.run(
                train + ["--dry-run", "--json"], environment: gpu.environment, in: folder)
            #expect(result.status == 0, "\(result)")
            let line = try #require(try result.objects().first)
            #expect(line["engine"] as? String == "cuda (Fake 0)")
            #expect(line["engineReason"] == nil)
            #expect(line["machineMemoryBytes"] as? Int == 1 << 20)
        }

        @Test func commandsThatUseAModelTakeTheEngineThatIsAskedFor() async throws {
            try await trainTinyModel(in: folder)
            let commands = [
                ["evaluate", "model", "text.txt"], ["evaluate", "model", "text.txt", "--per-line"],
                ["evaluate", "model", "text.txt", "--dynamic"],
                ["evaluate", "model", "text.txt", "--heatmap", "map.html"],
                ["generate", "model", "--prompt", "the"],
                ["generate", "model", "--prompt", "the", "--samples", "2"],
                ["generate", "model", "--prompt", "the", "--beam", "2"],
                ["generate", "model", "--prompt", "the", "--complete", "2"],
            ]
            for command in commands {
                try await expectFailure(
                    command + ["--engine", "cuda"], status: 1, naming: "no NVIDIA driver", "(--engine cpu)",
                    environment: ["UNROLL_CUDA_DRIVER": "/nowhere"], in: folder)
                try await expectFailure(
                    command + ["--device", "0"], status: 64, naming: "--engine cuda", in: folder)
                try await expectFailure(
                    command + ["--engine", "reference", "--precision", "bfloat16"], status: 64,
                    naming: "double precision", in: folder)
            }
            func nats(_ engine: String) async throws -> Double {
                let result = try await Unroll.run(
                    ["evaluate", "model", "text.txt", "--json", "--engine", engine], in: folder)
                return try #require(try result.objects().first?["nats"] as? Double)
            }
            let (fast, reference) = (try await nats("cpu"), try await nats("reference"))
            #expect(fast != reference)
            #expect(abs(fast / reference - 1) < 1e-5)
        }

        @Test func benchmarksAndRecipesTakeAGPUOrSayWhyNot() async throws {
            let environment = ["UNROLL_CUDA_DRIVER": "/nowhere"]
            try await expectFailure(
                ["benchmark", "--engine", "cuda"], status: 1, naming: "no NVIDIA driver",
                environment: environment, in: folder)
            try await expectFailure(
                ["benchmark", "--engine", "cuda", "--workload", "first-character"], status: 64,
                naming: "--workload first-character", environment: environment, in: folder)
            try await expectFailure(
                ["recipe", "run", "gluon-concise", "--engine", "cuda"], status: 1, naming: "no NVIDIA driver",
                environment: environment, in: folder)
            try await expectFailure(
                ["recipe", "run", "exercise-detached-state", "--engine", "cpu"], status: 64,
                naming: "--engine has no say in recipes by tensors", environment: environment, in: folder)
        }
    }
}
