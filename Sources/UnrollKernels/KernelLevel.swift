import CUnrollKernels
import Foundation
import UnrollBase

/// The format of the numbers that an engine's matrix products multiply; sums are float32, and exact in int8.
public enum Precision: String, Sendable, Codable, CaseIterable {
    /// Single precision throughout.
    case float32
    /// Numbers of 8 significant bits, half as large, whose products some processors compute twice as fast.
    ///
    /// Parameters, states, losses and updates stay float32; only the operands of matrix products are rounded.
    case bfloat16
    /// Whole numbers of eight bits, a quarter as large: weights with a scale for each output, activations with one for
    /// each row that is found when it is multiplied.
    ///
    /// For models that are trained. Parameters are rounded to their int8 values when an engine takes them; states, gates
    /// and logits stay float32. Sums of products are exact, so results have the same bits on every kernel level.
    case int8

    /// The formats that models are trained in.
    package static let trainable: [Precision] = [.float32, .bfloat16]
}

/// A set of kernels, written for one instruction set.
public enum KernelLevel: String, Sendable, CaseIterable {
    /// Vectors of four, on any processor.
    case portable
    /// AVX2 with fused multiply-add.
    case avx2
    /// AVX2 with the instruction for products of int8; it has no kernels of its own in other precisions.
    case avxvnni
    /// AVX-512 (F, VL, BW, DQ).
    case avx512
    /// AVX-512 with the instruction for products of bfloat16; it has no kernels of its own in other precisions.
    case avx512bf16
    /// AVX-512 with the instruction for products of int8; it has no kernels of its own in other precisions.
    case avx512vnni

    /// The environment variable that forces a level, so that one machine can test all of them: `UNROLL_KERNELS`.
    public static let environmentVariable = "UNROLL_KERNELS"

    /// The levels that this processor can run in a precision, the fastest last.
    public static func available(for precision: Precision = .float32) -> [KernelLevel] {
        allCases.filter { $0.table(for: precision) != nil }
    }

    /// The level that the environment asks for, or else the fastest.
    ///
    /// - Throws: ``KernelError/unavailable(_:_:available:)`` if the processor lacks the level.
    public static func preferred(for precision: Precision = .float32) throws(KernelError) -> KernelLevel {
        let available = available(for: precision)
        guard let name = ProcessInfo.processInfo.environment[environmentVariable], !name.isEmpty else {
            return available.last ?? .portable
        }
        guard let level = KernelLevel(rawValue: name), available.contains(level) else {
            throw .unavailable(name, precision, available: available.map(\.rawValue))
        }
        return level
    }

    private func table(for precision: Precision) -> UnsafePointer<UnrollKernels>? {
        let level =
            switch self {
            case .portable: UNROLL_LEVEL_PORTABLE
            case .avx2: UNROLL_LEVEL_AVX2
            case .avxvnni: UNROLL_LEVEL_AVXVNNI
            case .avx512: UNROLL_LEVEL_AVX512
            case .avx512bf16: UNROLL_LEVEL_AVX512BF16
            case .avx512vnni: UNROLL_LEVEL_AVX512VNNI
            }
        return switch precision {
        case .float32: unroll_kernels(level, UNROLL_PRECISION_FLOAT32)
        case .bfloat16: unroll_kernels(level, UNROLL_PRECISION_BFLOAT16)
        case .int8: unroll_kernels(level, UNROLL_PRECISION_INT8)
        }
    }

    /// The functions of this level.
    ///
    /// - Throws: ``KernelError/unavailable(_:_:available:)`` if the processor lacks the level.
    package func kernels(
        for precision: Precision = .float32
    ) throws(KernelError) -> UnsafePointer<UnrollKernels> {
        guard let table = table(for: precision) else {
            throw .unavailable(
                rawValue, precision, available: Self.available(for: precision).map(\.rawValue))
        }
        return table
    }
}

/// The machine cannot do what was asked for: it lacks instructions, memory or threads.
public enum KernelError: UnrollError, Equatable {
    /// The processor lacks an instruction set that was asked for.
    case unavailable(String, Precision, available: [String])
    /// No pool can have so many threads.
    case invalidThreadCount(Int)
    /// The operating system gave no memory or no threads.
    case outOfResources(String)

    /// One line that names what is lacking and the way out.
    public var description: String {
        switch self {
        case .unavailable(let name, let precision, let available):
            "this processor has no '\(name)' kernels for \(precision.rawValue); available: \(available.joined(separator: ", "))"
        case .invalidThreadCount:
            parameterError?.description ?? ""
        case .outOfResources(let what):
            "the operating system gave no \(what)"
        }
    }

    /// The number of threads, if that is wrong.
    public var parameterError: ParameterError? {
        guard case .invalidThreadCount(let count) = self else { return nil }
        return .outOfRange(
            parameter: "threads", value: "\(count)", allowed: "in \(WorkerPool.threadCounts)")
    }
}
