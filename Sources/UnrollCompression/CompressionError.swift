import UnrollBase
import UnrollKernels

/// Why bytes cannot be compressed or decompressed.
///
/// Places are in bytes from the start of the compressed data. Errors of engines and models pass unchanged.
public enum CompressionError: UnrollError, Equatable {
    /// The data is not in Unroll's compressed format.
    case notCompressed
    /// The data was compressed by a later version.
    case newerFormat(version: Int)
    /// The data is corrupt at or after this byte.
    case damaged(at: Int)
    /// The end of the data is missing.
    case truncated
    /// There are more bytes after the end, which is at this byte.
    case trailingBytes(at: Int)
    /// The data was compressed with a model, and none is given.
    case modelNeeded
    /// The model is not the one that the data was compressed with.
    case compressedWithAnotherModel
    /// The data was compressed by another kind of engine.
    case compressedWithAnotherEngine
    /// The data was compressed with kernels that this processor cannot run.
    case kernelsMissing(KernelLevel, Precision)
    /// The block at this byte is intact, but this machine computes another text from it.
    case irreproducible(at: Int)
    /// A text to compress has another length than was announced.
    case lengthChanged(expected: Int, actual: Int)

    /// One line that says what is wrong and what to do.
    public var description: String {
        switch self {
        case .notCompressed: "not in Unroll's compressed format; give data that Unroll has compressed"
        case .newerFormat(let version):
            "format version \(version) was written by a newer Unroll; update this program"
        case .damaged(let place):
            "corrupt at or after byte \(place); take another copy, or compress the text again"
        case .truncated: "the end is missing; take another copy, or compress the text again"
        case .trailingBytes(let place):
            "continues after byte \(place), where the compressed text ends; remove what was added"
        case .modelNeeded: "was compressed with a model; give that model"
        case .compressedWithAnotherModel:
            "was compressed with another model; give that one, as it was then"
        case .compressedWithAnotherEngine:
            "was compressed by another kind of engine; compute the model by that kind"
        case .kernelsMissing(let level, let precision):
            "requires \(level.rawValue) kernels for \(precision.rawValue), which this machine doesn't support; decompress"
                + " it where it was compressed, or compress the text again with"
                + " \(KernelLevel.environmentVariable)=portable"
        case .irreproducible(let place):
            "the block at byte \(place) is intact, but this machine or version of Unroll computes another text from it;"
                + " decompress it where it was compressed"
        case .lengthChanged(let expected, let actual):
            "the text has \(actual) bytes instead of \(expected); it was changed meanwhile, compress it again"
        }
    }
}
