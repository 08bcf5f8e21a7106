import Foundation
import UnrollBase

/// The file format in which tensors travel between Unroll, PyTorch and everything else.
///
/// A file is the length of its header (eight bytes, little-endian), a header in JSON that names each tensor with its
/// type, shape and place, and the elements of all tensors end to end. It holds no code and nothing to execute.
/// See <https://github.com/huggingface/safetensors>.
public enum Safetensors {
    /// Returns a file of 32-bit floats that holds the tensors in their order, and `metadata` beside them.
    ///
    /// Equal tensors and metadata make equal bytes.
    ///
    /// - Throws: `ModelError` if two tensors share a name or one holds fewer or more values than its shape says.
    public static func encode(
        _ tensors: ModelParameters, metadata: [String: String] = [:]
    ) throws(ModelError) -> Data {
        let dataSection = try dataSection(of: tensors)
        return encode(tensors, dataSection: dataSection, metadata: metadata)
    }

    /// Reads the tensors of a file in the order in which their elements lie there.
    ///
    /// Elements of types F64, F16 and BF16 are converted to 32-bit floats.
    ///
    /// - Throws: `ModelError.invalidSafetensors` if anything about the file is not as the format demands, or it holds the
    ///   whole numbers of a quantized model.
    public static func decode(
        _ data: Data
    ) throws(ModelError) -> (tensors: ModelParameters, metadata: [String: String]) {
        let (tensors, others, metadata) = try decodeFloats(of: data)
        if let other = others.first {
            throw SafetensorsHeader.unreadable(other.name, of: other.elementType.rawValue)
        }
        return (tensors, metadata)
    }

    /// Reads a file that may also hold tensors of whole numbers, which are named and left out.
    package static func decodeFloats(
        of data: Data
    ) throws(ModelError) -> (
        tensors: ModelParameters, others: [(name: String, elementType: SafetensorsElementType)],
        metadata: [String: String]
    ) {
        let header = try SafetensorsHeader(ofFile: data)
        var (entries, others) = ([ModelParameters.Entry](), [(String, SafetensorsElementType)]())
        data.withUnsafeBytes { file in
            for tensor in header.tensors {
                let bytes = UnsafeRawBufferPointer(rebasing: file[tensor.bytes])
                if let values = tensor.elementType.floats(from: bytes) {
                    entries.append(.init(name: tensor.name, shape: tensor.shape, values: values))
                } else {
                    others.append((tensor.name, tensor.elementType))
                }
            }
        }
        return (ModelParameters(entries), others, header.metadata)
    }

    /// Returns how many elements a tensor has, or nothing if it cannot be of that shape.
    package static func elementCount(of shape: [Int]) -> Int? {
        var count = 1
        for size in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { return nil }
            count = product
        }
        return count
    }

    /// Checks the tensors and returns their elements as they lie in a file, for a checksum to be put into its header.
    package static func dataSection(of tensors: ModelParameters) throws(ModelError) -> Data {
        if let twin = tensors.duplicateName { throw .duplicateTensor(twin) }
        var bytes = Data(capacity: tensors.scalarCount * MemoryLayout<Float>.size)
        for entry in tensors.entries {
            guard entry.name != SafetensorsHeader.metadataKey else { throw .unexpectedTensor(entry.name) }
            guard elementCount(of: entry.shape) == entry.values.count else {
                throw .shapeMismatch(
                    name: entry.name, expected: entry.shape, actual: [entry.values.count])
            }
            bytes.append(Data(littleEndian: entry.values))
        }
        return bytes
    }

    /// Returns the elements of all tensors of a file as they lie there.
    package static func dataSection(ofFile data: Data) throws(ModelError) -> Data {
        data.dropFirst(try SafetensorsHeader(ofFile: data).byteCount)
    }

    /// Returns a file made of the tensors' names and shapes, and of what `dataSection(of:)` has returned for them.
    package static func encode(
        _ tensors: ModelParameters, dataSection: Data, metadata: [String: String]
    ) -> Data {
        SafetensorsHeader.encode(
            tensors.entries.map { ($0.name, .float32, $0.shape) }, metadata: metadata) + dataSection
    }
}
