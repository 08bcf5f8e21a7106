import Foundation
import UnrollBase

/// Safetensors files that carry a checksum of their elements, so that damage is noticed.
package enum TensorFile {
    /// The metadata key of the checksum.
    package static let checksumKey = "tensors.sha256"

    /// Returns a file that holds the tensors, the metadata and the checksum.
    package static func encode(
        _ tensors: ModelParameters, metadata: [String: String]
    ) throws(ModelError) -> Data {
        let dataSection = try Safetensors.dataSection(of: tensors)
        var metadata = metadata
        metadata[checksumKey] = Checksum.sha256(dataSection)
        return Safetensors.encode(tensors, dataSection: dataSection, metadata: metadata)
    }

    /// Returns a file that holds a model's parameters, with the matrices of weights in eight bits and their scales, the
    /// metadata and the checksum.
    static func encode(
        _ parameters: QuantizedParameters, metadata: [String: String]
    ) -> Data {
        var metadata = metadata
        metadata[checksumKey] = Checksum.sha256(parameters.dataSection)
        return parameters.file(metadata: metadata)
    }

    /// Reads what the header of a file says beside the tensors, and compares the length of the file with it.
    ///
    /// - Throws: `FileError`.
    package static func metadata(of url: URL) throws(FileError) -> [String: String] {
        let (beginning, size): ([UInt8], Int)
        do throws(SystemError) {
            let file = try InputFile(url.path)
            size = try file.status().size
            let length = try file.bytes(0..<SafetensorsHeader.lengthSize)
            beginning = try file.bytes(0..<SafetensorsHeader.byteCount(after: length, fileSize: size))
        } catch {
            throw FileError(error, reading: url.path)
        }
        do throws(ModelError) {
            return try SafetensorsHeader(beginning: Data(beginning), fileSize: size).metadata
        } catch {
            throw .invalid(path: url.path, reason: error.description)
        }
    }

    /// Reads a file and compares its checksum, if it has one; `path` is for the error.
    package static func decode(
        _ data: Data, path: String
    ) throws -> (tensors: ModelParameters, metadata: [String: String]) {
        try decode(data, path: path) { data throws(ModelError) in try Safetensors.decode(data) }
    }

    /// Reads a file of a quantized model and compares its checksum, if it has one; `path` is for the error.
    static func decodeQuantized(
        _ data: Data, path: String
    ) throws -> (parameters: QuantizedParameters, metadata: [String: String]) {
        try decode(data, path: path) { data throws(ModelError) in
            let header = try SafetensorsHeader(ofFile: data)
            return (try QuantizedParameters(header, in: data), header.metadata)
        }
    }

    private static func decode<Tensors>(
        _ data: Data, path: String,
        by read: (Data) throws(ModelError) -> (tensors: Tensors, metadata: [String: String])
    ) throws -> (Tensors, [String: String]) {
        do throws(ModelError) {
            let (tensors, metadata) = try read(data)
            if let checksum = metadata[checksumKey] {
                guard checksum == Checksum.sha256(try Safetensors.dataSection(ofFile: data)) else {
                    throw .invalidSafetensors("its tensors are not those that were saved")
                }
            }
            return (tensors, metadata)
        } catch {
            throw FileError.invalid(path: path, reason: error.description)
        }
    }
}
