import Foundation
import Testing
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollTestSupport
import UnrollTraining

/// Which engine is taken, and what is said about it.
@Suite struct EngineChoiceTests {
    private let cpu = EngineKind.cpu(threads: 3)

    private func automatic(_ environment: [String: String], _ precision: Precision = .float32) -> EngineChoice
    {
        EngineKind.automatic(threads: 3).choice(precision: precision, environment: environment)
    }

    @Test(arguments: [EngineKind.cpu(threads: nil), .cpu(threads: 2), .cuda(device: 5), .reference])
    func whatIsAskedForIsTaken(kind: EngineKind) {
        let choice = kind.choice(precision: .bfloat16, environment: ["UNROLL_CUDA_DRIVER": "/nowhere"])
        #expect(choice.kind == kind)
        #expect(choice.reason == nil)
    }

    @Test(.needsCompiler) func aGPUThatCanBeUsedIsTakenAndNotYetClaimed() throws {
        let gpu = try FakeGPU()
        for precision in Precision.trainable {
            let choice = automatic(gpu.environment, precision)
            #expect(choice.kind == .cuda(device: 0))
            #expect(choice.reason == nil)
        }
        #expect(gpu.alive.isEmpty)
    }

    @Test(.needsCompiler) func aGPUThatCannotBeUsedIsNamedWithTheWholeError() throws {
        let gpu = try FakeGPU()
        gpu.driver["version"] = 11080
        #expect(automatic(gpu.environment).kind == cpu)
        #expect(
            automatic(gpu.environment).reason
                == CUDAError.driverTooOld(version: "11.8", needed: "12.0").description)
        gpu.driver["version"] = 13000
        gpu.driver["major"] = 6
        #expect(
            automatic(gpu.environment).reason
                == CUDAError.unsupportedDevice(name: "Fake 0", capability: "6.0", needed: "7.5").description)
        gpu.driver["major"] = 9
        gpu.environment["UNROLL_NVRTC"] = "/nowhere"
        let choice = automatic(gpu.environment)
        #expect(choice.kind == cpu)
        #expect(
            choice.reason?.hasPrefix("there is no compiler of CUDA kernels (libnvrtc) in /nowhere") == true)
    }

    @Test(.needsCompiler) func bfloat16OnAnOldGPUIsAReason() throws {
        let gpu = try FakeGPU()
        (gpu.driver["major"], gpu.driver["minor"]) = (7, 5)
        #expect(automatic(gpu.environment).kind == .cuda(device: 0))
        let choice = automatic(gpu.environment, .bfloat16)
        #expect(choice.kind == cpu)
        #expect(
            choice.reason
                == CUDAError.unsupportedPrecision(
                    "bfloat16", name: "Fake 0", capability: "7.5", needed: "8.0"
                ).description)
    }

    @Test(.needsCompiler) func aMachineWithoutAGPUSaysSoInAFewWords() throws {
        let gpu = try FakeGPU()
        gpu.driver["devices"] = 0
        #expect(automatic(gpu.environment).kind == cpu)
        #expect(automatic(gpu.environment).reason == "there is no NVIDIA GPU that this process may use")
    }

    @Test(.needsCompiler) func processesOfAMachineTakeDifferentGPUs() throws {
        let gpu = try FakeGPU()
        gpu.driver["devices"] = 2
        let kinds = (0..<3).map {
            EngineKind.automatic(threads: 3).choice(localRank: $0, environment: gpu.environment).kind
        }
        #expect(kinds == [.cuda(device: 0), .cuda(device: 1), .cuda(device: 0)])
    }

    @Test func aDriverThatWasNamedAndIsNotThereIsAnErrorWithItsPath() {
        let choice = automatic(["UNROLL_CUDA_DRIVER": "/nowhere/libcuda.so.1"])
        #expect(choice.kind == cpu)
        #expect(choice.reason?.contains("/nowhere/libcuda.so.1") == true)
    }

    /// What a run is going to do.
    private func outline(of trainer: Trainer) async throws -> TrainingOutline? {
        for try await event in trainer.run() {
            if case .started(let outline) = event { return outline }
        }
        return nil
    }

    @Test func aRunSaysWhatItHasTakenAndWhy() async throws {
        let kind = EngineKind.automatic(threads: 1)
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model, options: TestTraining.options(),
            engine: kind)
        #expect(trainer.engine == kind.choice())
        #expect(trainer.engine.kind != kind)
        let outline = try #require(try await outline(of: trainer))
        #expect(outline.engineReason == trainer.engine.reason)
        guard let reason = outline.engineReason else { return }
        #expect(outline.description.hasSuffix(" on \(outline.engine), as \(reason)"))
    }

    @Test func theDefaultIsTheCPU() async throws {
        let trainer = try Trainer(
            corpus: TestTraining.corpus(), model: TestTraining.model, options: TestTraining.options())
        #expect(trainer.engine.kind == .cpu(threads: nil))
        #expect(try await outline(of: trainer)?.engineReason == nil)
    }
}
