import ArgumentParser
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel

/// Checks and measures the engine for NVIDIA GPUs on a real one: one line of JSON for each case.
///
/// `Tools/cuda/check` runs it on a machine that has a GPU but neither Swift nor a compiler. `--engine cpu` runs the same
/// checks on the CPU's engine, which shows on any machine that the checks themselves are right.
@main struct DeviceCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "DeviceCheck", abstract: "Check and measure training on a GPU.",
        subcommands: [
            Conformance.self, Agreement.self, Exchange.self, Speed.self, Faults.self, VainWait.self,
        ])
}

extension RecurrenceKernels: ExpressibleByArgument {}

/// The engine that is checked.
struct EngineOptions: ParsableArguments {
    enum Kind: String, CaseIterable, ExpressibleByArgument {
        case cuda
        case cpu
    }

    @Option(help: "The engine to check.")
    var engine = Kind.cuda

    @Option(help: "The number of the GPU, from 0.")
    var device = 0

    @Option(help: "What runs recurrent layers on the GPU (default: what UNROLL_CUDA_KERNELS names).")
    var kernels: RecurrenceKernels?

    /// Makes the engine to check.
    ///
    /// - Throws: `CUDAError`, and what other engines throw.
    func make(
        _ configuration: ModelConfiguration, _ parameters: ModelParameters, _ precision: Precision
    ) throws -> any Engine {
        try make(configuration, parameters, precision, kernels)
    }

    /// Makes the engine to check with kernels of which there are several.
    func make(
        _ configuration: ModelConfiguration, _ parameters: ModelParameters, _ precision: Precision,
        _ kernels: RecurrenceKernels?
    ) throws -> any Engine {
        switch engine {
        case .cuda:
            try CUDAEngine(
                configuration: configuration, parameters: parameters, precision: precision,
                recurrence: kernels, on: try DriverDevice.open(index: device))
        case .cpu: try CPUEngine(configuration: configuration, parameters: parameters, precision: precision)
        }
    }

    /// Makes a small engine and reports what it runs on; the command ends here where it cannot be made.
    func open(_ report: Report) throws {
        struct Line: Encodable {
            let check = "engine"
            let engine: String
        }
        let configuration = ModelConfiguration(hiddenSize: 1)
        do {
            let engine = try make(
                configuration, try ModelParameters(for: configuration, vocabularySize: 2, seed: 0), .float32)
            report.write(Line(engine: engine.description.description))
        } catch {
            report.write(CheckLine(check: "engine", error: "\(error)", ok: false))
            throw ExitCode.failure
        }
    }
}
