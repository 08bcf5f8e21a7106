import Foundation
import UnrollBase
import UnrollModel

/// The tensors of a file of another framework.
struct ForeignTensors {
    /// Those of floats, in the order of their names.
    let entries: [ModelParameters.Entry]
    /// The names of those of whole numbers, which no model has.
    let integers: [String]
    /// Lists of tokens that a checkpoint holds beside the tensors.
    let vocabularies: [[String]]

    private static let hdf5Signature: [UInt8] = [0x89, 0x48, 0x44, 0x46]
    private static let pickleSignature: [UInt8] = [0x80, 2]

    /// Reads a file; `state` names the dictionary of a checkpoint that holds the network.
    ///
    /// - Throws: `FileError`, `ModelError.invalidSafetensors`, or `ImportError`.
    init(contentsOf url: URL, state: String?) throws {
        guard let data = try FileSystem.contents(of: url) else { throw FileError.notFound(path: url.path) }
        try self.init(data, path: url.path, state: state)
    }

    /// The same for a file in memory; `path` is for the errors.
    init(_ data: Data, path: String, state: String?) throws {
        if data.starts(with: ZipArchive.signature) {
            try self.init(TorchFile(data, path: path), state: state)
        } else if data.starts(with: Self.pickleSignature) {
            throw ImportError.unsupportedFile(path: path, .legacyTorch)
        } else if data.starts(with: Self.hdf5Signature) {
            throw ImportError.unsupportedFile(path: path, .hdf5)
        } else if data.number(UInt8.self, at: 8) != UInt8(ascii: "{") {
            // After the length of its header, safetensors have a brace.
            throw ImportError.unsupportedFile(path: path, .unknown)
        } else {
            try self.init(safetensors: data, path: path, state: state)
        }
    }

    private init(safetensors data: Data, path: String, state: String?) throws {
        if let state { throw ImportError.unknownName(.state, name: state, known: []) }
        do {
            let (tensors, others, _) = try Safetensors.decodeFloats(of: data)
            entries = tensors.entries.sorted { $0.name < $1.name }
            integers = others.map(\.name).sorted()
            vocabularies = []
        } catch {
            throw FileError.invalid(path: path, reason: EscapedText.line(error.description))
        }
    }

    private init(_ file: TorchFile, state: String?) throws {
        var file = file
        let checkpoint = TorchCheckpoint(file.pickle)
        var (entries, integers) = ([ModelParameters.Entry](), [String]())
        let dictionary = try Self.stateDictionary(of: checkpoint, named: state)
        try TensorPool.check(count: dictionary.tensors.count)
        for (name, tensor) in dictionary.tensors {
            if let values = try file.values(of: tensor, named: name) {
                entries.append(.init(name: name, shape: tensor.shape, values: values))
            } else {
                integers.append(name)
            }
        }
        (self.entries, self.integers, vocabularies) = (entries, integers, checkpoint.vocabularies)
    }

    /// The dictionary of that name, or the only one with recurrent layers.
    private static func stateDictionary(
        of checkpoint: TorchCheckpoint, named name: String?
    ) throws(ImportError) -> TorchCheckpoint.StateDictionary {
        let networks = checkpoint.dictionaries.filter { dictionary in
            dictionary.tensors.contains { TorchLayout.isRecurrent($0.name) }
        }
        .sorted { $0.path < $1.path }
        if let name {
            guard let named = networks.first(where: { $0.path == name }) else {
                throw .unknownName(.state, name: name, known: networks.map(\.path))
            }
            return named
        }
        guard networks.count <= 1 else { throw .ambiguous(.state, candidates: networks.map(\.path)) }
        guard let network = networks.first else {
            throw .noRecurrentLayers(
                names: checkpoint.dictionaries.flatMap { $0.tensors.map(\.name) })
        }
        return network
    }
}
