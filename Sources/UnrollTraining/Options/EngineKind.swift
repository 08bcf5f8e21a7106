import Foundation
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel

/// Which engine computes a run; results do not depend on the number of threads.
///
/// The default of the library is the CPU, so that the results of a program do not depend on whether the machine has a GPU.
/// A program that wants a GPU asks for it with ``cuda(device:)`` or ``automatic(threads:)``.
public enum EngineKind: Sendable, Equatable {
    /// `CPUEngine`, with as many threads as there are processors if nil.
    case cpu(threads: Int?)
    /// `CUDAEngine` on the NVIDIA GPU with this number, from 0.
    case cuda(device: Int)
    /// `ReferenceEngine`: slow, in double precision.
    case reference
    /// `CUDAEngine` on GPU 0 if it can be used, otherwise `CPUEngine` with so many threads.
    ///
    /// ``choice(precision:localRank:environment:)`` says which, and why.
    case automatic(threads: Int? = nil)

    /// Finds out which engine this is on this machine, without claiming anything of a GPU.
    ///
    /// Only ``automatic(threads:)`` depends on the machine; any other kind is what it is, even where it cannot be used.
    ///
    /// - Parameters:
    ///   - precision: The number format of matrix-multiplication operands. Default: float32.
    ///   - localRank: The number of this process among those of its machine that compute together, which share out its GPUs.
    ///     Default: 0.
    ///   - environment: The environment variables. Default: those of this process.
    /// - Returns: What to take.
    public func choice(
        precision: Precision = .float32, localRank: Int = 0,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> EngineChoice {
        guard case .automatic(let threads) = self else { return EngineChoice(kind: self, reason: nil) }
        do throws(CUDAError) {
            let device = try CUDAEngine.device(ofLocalRank: localRank, environment: environment)
            try CUDAEngine.probe(device: device, precision: precision, environment: environment)
            return EngineChoice(kind: .cuda(device: device), reason: nil)
        } catch {
            return EngineChoice(
                kind: .cpu(threads: threads), reason: EngineChoice.reason(error, in: environment))
        }
    }

    /// Checks that the GPU that was asked for can be expected to work, if one was, without claiming anything of it.
    ///
    /// - Throws: `CUDAError`.
    package func check(precision: Precision) throws(CUDAError) {
        guard case .cuda(let device) = self else { return }
        try CUDAEngine.probe(device: device, precision: precision)
    }

    /// Makes the engines.
    package var maker: EngineMaker {
        switch self {
        case .cpu: .cpu
        case .cuda(let device): .cuda(device: device)
        case .reference: .reference
        case .automatic:
            EngineMaker { configuration, parameters, settings in
                try choice(precision: settings.precision).kind.maker.engine(
                    configuration: configuration, parameters: parameters, settings: settings)
            }
        }
    }

    /// The threads that were asked for; nil for as many as there are processors, and where there is no choice.
    package var threads: Int? {
        switch self {
        case .cpu(let threads), .automatic(let threads): threads
        case .cuda, .reference: nil
        }
    }
}

/// The engine that a run takes, and why where it was to be a GPU if possible.
public struct EngineChoice: Sendable, Equatable {
    /// What was taken; never ``EngineKind/automatic(threads:)``.
    public let kind: EngineKind
    /// Why the CPU was taken and not a GPU, such as "there is no NVIDIA driver"; nil if there was no choice, or a GPU was
    /// taken.
    ///
    /// A machine without a GPU has a few words. Where a GPU was found that cannot be used, it is the whole error, with what
    /// to do.
    public let reason: String?

    fileprivate static func reason(_ error: CUDAError, in environment: [String: String]) -> String {
        switch error {
        // Where a driver was named, it was to be found.
        case .noDriver where (environment["UNROLL_CUDA_DRIVER"] ?? "").isEmpty: "there is no NVIDIA driver"
        case .noDevice: "there is no NVIDIA GPU that this process may use"
        default: error.description
        }
    }
}
