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

    /// The environment variable that forces a level, so that each can be tested on one machine.
    public static let environmentVariable = "UNROLL_KERNELS"

    /// The levels that this processor can run, the fastest last.
    public static var available: [KernelLevel] {
        allCases.filter { $0.table != nil }
    }

    /// The level that the environment asks for, or else the fastest.
    public static func preferred() throws(KernelError) -> KernelLevel {
        guard let name = ProcessInfo.processInfo.environment[environmentVariable], !name.isEmpty else {
            return available.last ?? .portable
        }
        guard let level = KernelLevel(rawValue: name), available.contains(level) else {
            throw .unavailable(name, available: available.map(\.rawValue))
        }
        return level
    }

    private var table: UnsafePointer<UnrollKernels>? {
        switch self {
        case .portable: unroll_kernels(UNROLL_LEVEL_PORTABLE)
        case .avx2: unroll_kernels(UNROLL_LEVEL_AVX2)
        case .avx512: unroll_kernels(UNROLL_LEVEL_AVX512)
        }
    }

    /// The functions of this level.
    package func kernels() throws(KernelError) -> UnrollKernels {
        guard let table else {
            throw .unavailable(rawValue, available: Self.available.map(\.rawValue))
        }
        return table.pointee
    }
}
