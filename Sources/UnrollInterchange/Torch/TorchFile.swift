import Foundation
import UnrollBase
import UnrollModel

/// A file that `torch.save` wrote: a zip archive of a pickle and of the elements of its tensors.
///
/// PyTorch has written such files since version 1.6.
struct TorchFile {
    /// What the pickle holds.
    let pickle: Pickle
    private let archive: ZipArchive
    /// The folder that all members lie in, with a slash.
    private let folder: String
    private let path: String
    /// The elements that tensors may still be read from, so that many views of one storage take no more than they should.
    private var elementBudget: Int
    /// Storages whose checksums are right.
    private var storages: [String: Data] = [:]

    /// Reads the archive and its pickle; `path` is for the errors.
    ///
    /// - Throws: `FileError.invalid` for damaged files; `ImportError.unsupportedFile` for archives of other programs;
    ///   `ImportError.unknownClass` if the pickle holds more than data.
    init(_ data: Data, path: String) throws {
        self.path = path
        elementBudget = data.count
        archive = try ZipArchive(data, path: path)
        let names = archive.names
        let pickleName = "data.pkl"
        guard let name = names.first(where: { $0.hasSuffix("/" + pickleName) }) else {
            throw ImportError.unsupportedFile(path: path, Self.format(ofMembers: names))
        }
        folder = String(name.dropLast(pickleName.count))
        guard !names.contains(folder + "constants.pkl") else {
            throw ImportError.unsupportedFile(path: path, .torchScript)
        }
        if let order = try archive.contents(of: folder + "byteorder"), order != Data("little".utf8) {
            throw ImportError.unsupportedFile(path: path, .bigEndianTorch)
        }
        pickle = try Unpickler.read(try archive.contents(of: name) ?? Data(), path: path)
    }

    /// The format of an archive that is not PyTorch's.
    private static func format(ofMembers names: some Collection<String>) -> ForeignFormat {
        if names.contains("model.weights.h5") { return .keras }
        return names.contains { $0.hasSuffix(".npy") } ? .numpy : .otherArchive
    }

    /// Returns the elements of a tensor, row-major; nil if they are no floats.
    ///
    /// - Throws: `FileError.invalid` if the tensor is not in its storage; `ImportError.sharedElements` if it repeats elements
    ///   of it, or all tensors together are views of more elements than the file has.
    mutating func values(of tensor: TorchTensor, named name: String) throws -> [Float]? {
        let storage = tensor.storage
        guard SafetensorsElementType.floats.contains(storage.elementType) else { return nil }
        guard let count = Safetensors.elementCount(of: tensor.shape), let last = Self.lastElement(of: tensor),
            last < storage.count
        else { throw damaged("'\(name)' is not in its storage") }
        guard count > 0 else { return [] }
        let region = tensor.offset..<last + 1
        guard count <= region.count, region.count <= elementBudget else {
            throw ImportError.sharedElements(tensor: name)
        }
        elementBudget -= region.count
        let size = storage.elementType.size
        guard let bytes = try bytes(of: storage), storage.count <= bytes.count / size else {
            throw damaged("the elements of '\(name)' are missing")
        }
        let elements = bytes.withUnsafeBytes { bytes in
            storage.elementType.floats(
                from: UnsafeRawBufferPointer(
                    rebasing: bytes[region.lowerBound * size..<region.upperBound * size]))
        }
        return elements.map { Self.gather($0, of: tensor) }
    }

    /// The elements of a storage, whose checksum is compared once; nil if there are none.
    private mutating func bytes(of storage: TorchStorage) throws -> Data? {
        if let known = storages[storage.key] { return known }
        let bytes = try archive.contents(of: "\(folder)data/\(storage.key)")
        storages[storage.key] = bytes
        return bytes
    }

    private func damaged(_ reason: String) -> FileError {
        .invalid(path: path, reason: EscapedText.line(reason))
    }

    /// The place in its storage of a tensor's last element; nil past the largest number.
    private static func lastElement(of tensor: TorchTensor) -> Int? {
        var place = tensor.offset
        for (size, stride) in zip(tensor.shape, tensor.strides) where size > 0 {
            let (distance, isTooFar) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflow) = place.addingReportingOverflow(distance)
            guard !isTooFar, !overflow else { return nil }
            place = sum
        }
        return place
    }

    /// The elements in the order of the tensor's indices, of those from its first to its last in the storage.
    private static func gather(_ elements: [Float], of tensor: TorchTensor) -> [Float] {
        var rowMajor = 1
        let isContiguous = zip(tensor.shape, tensor.strides).reversed().allSatisfy { size, stride in
            defer { rowMajor *= size }
            return size == 1 || stride == rowMajor
        }
        guard !isContiguous else { return elements }
        return zip(tensor.shape, tensor.strides).reduce([0]) { places, dimension in
            places.flatMap { place in (0..<dimension.0).map { place + $0 * dimension.1 } }
        }.map { elements[$0] }
    }
}
