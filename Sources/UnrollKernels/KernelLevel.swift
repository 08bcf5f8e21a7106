import CUnrollKernels
import Foundation

/// A set of kernels, written for one instruction set.
public enum KernelLevel: String, Sendable, CaseIterable {
    /// Vectors of four, on any processor.
    case portable
    /// AVX2 with fused multiply-add.
    case avx2
    /// AVX-512 (F, VL, BW, DQ).
    case avx512
    /// AVX-512 with the instruction for products of bfloat16; in float32 it has no kernels of its own.
    case avx512bf16

    /// The environment variable that forces a level, so that each can be tested on one machine.
    public static let environmentVariable = "UNROLL_KERNELS"

    /// The levels that this processor can run in a precision, the fastest last.
    public static func available(for precision: Precision = .float32) -> [KernelLevel] {
        allCases.filter { $0.table(for: precision) != nil }
    }

    /// The level that the environment asks for, or else the fastest.
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
            case .avx512: UNROLL_LEVEL_AVX512
            case .avx512bf16: UNROLL_LEVEL_AVX512BF16
            }
        return switch precision {
        case .float32: unroll_kernels(level, UNROLL_PRECISION_FLOAT32)
        case .bfloat16: unroll_kernels(level, UNROLL_PRECISION_BFLOAT16)
        }
    }

    /// The functions of this level.
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
