import Foundation
import UnrollBase
import UnrollModel
import UnrollText

/// A format in which other programs can use a model's network.
public enum ExportFormat: String, CaseIterable, Codable, Sendable {
    /// `step.onnx` and `sequence.onnx`, for ONNX Runtime and other programs that run ONNX of operator version 17.
    case onnx
    /// `model.pt`, which `torch.load` reads, and `model.py`, a module for it.
    case pytorch
    /// `model.safetensors` with PyTorch's names, and `config.json`: a model folder, which Unroll reads too.
    case safetensors

    /// All names that the files of an export may have.
    fileprivate var names: Set<String> {
        switch self {
        case .onnx:
            [Self.stepName, Self.sequenceName, ModelFolder.vocabularyName, SubwordFile.name]
        case .pytorch:
            [TorchModule.parametersName, TorchModule.name, ModelFolder.vocabularyName, SubwordFile.name]
        case .safetensors:
            [ModelFolder.configurationName, ModelFolder.parametersName, ModelFolder.vocabularyName]
        }
    }

    fileprivate static let (stepName, sequenceName) = (FileSignature.onnxName, "sequence.onnx")
}

extension LanguageModel {
    /// Writes the model's network to a folder, in a format of other programs.
    ///
    /// Beside it is the vocabulary, `vocabulary.json`; for subwords in ONNX and PyTorch there is also `tokenizer.json`, which
    /// Hugging Face's `tokenizers` reads. An n-gram model that predicts beside the network is left out, so that the network alone may predict less
    /// well.
    ///
    /// - Parameters:
    ///   - folder: A folder that is new or empty.
    ///   - format: The format.
    ///   - isReplacing: Whether the folder may have an earlier export in the same format, whose files are replaced one by
    ///     one. Default: false.
    /// - Returns: The names of the files, in alphabetical order.
    /// - Throws: `ExportError`; `FileError` if the folder cannot be written; `ModelFolderError.notAFolder`; `ModelError`
    ///   if the model's cell is not well-formed.
    @discardableResult
    public func export(
        to folder: URL, as format: ExportFormat, replacing isReplacing: Bool = false
    ) throws -> [String] {
        let folder = ModelFolder(folder)
        // Before the work, and before the message about a file that is too large.
        let isThere = try format.checkPlace(folder, isReplacing: isReplacing)
        let files = try files(as: format, in: folder)
        if isThere {
            for (name, data) in files.sorted(by: { $0.key < $1.key }) { try folder.write(data, to: name) }
            for name in format.names.subtracting(files.keys) { FileSystem.discard(folder.url(of: name)) }
        } else {
            try folder.create(with: files)
        }
        return files.keys.sorted()
    }

    /// The contents of an export's files by their names.
    private func files(as format: ExportFormat, in folder: ModelFolder) throws -> [String: Data] {
        let model = try network
        let saved = try folder.description(of: model)
        var files = [ModelFolder.vocabularyName: saved.vocabulary]
        files[SubwordFile.name] = try SubwordFile.contents(for: vocabulary)
        switch format {
        case .onnx:
            let metadata = try model.metadata(
                configuration: saved.configuration, vocabulary: saved.vocabulary)
            for (name, pass) in [
                (ExportFormat.stepName, ONNXNetwork.Pass.step), (ExportFormat.sequenceName, .sequence),
            ] {
                let graph = try ONNXNetwork.graph(of: model, for: pass)
                let data = ONNXModel(graph: graph, metadata: metadata).data
                try ExportError.check(data.count, of: name, limit: ONNXModel.maximumSize)
                files[name] = data
            }
        case .pytorch:
            files[TorchModule.name] = Data(try TorchModule(of: model).text.utf8)
            files[TorchModule.parametersName] = try model.torchFile(named: TorchModule.parametersName)
        case .safetensors:
            files = try folder.files(of: model)
        }
        return files
    }

    /// What ONNX files say beside the network.
    private func metadata(
        configuration: Data, vocabulary: Data
    ) throws(ModelError) -> [(key: String, value: String)] {
        [
            ("cell", self.configuration.cell.name),
            ("cell.sha256", try self.configuration.cell.digest),
            ("configuration", String(decoding: configuration, as: UTF8.self)),
            ("tokens", self.vocabulary.kind.rawValue),
            ("vocabulary", String(decoding: vocabulary, as: UTF8.self)),
        ]
    }
}

extension ExportFormat {
    /// Checks that an export can be written to a folder.
    ///
    /// - Returns: Whether the folder is there.
    fileprivate func checkPlace(_ folder: ModelFolder, isReplacing: Bool) throws -> Bool {
        switch FileSystem.kind(of: folder.url) {
        case .nothing: return false
        case .file: throw ModelFolderError.notAFolder(path: folder.url.path)
        case .folder: break
        }
        let found: [String]
        do {
            found = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        } catch {
            throw FileError(error, reading: folder.url.path)
        }
        // Hidden files are those of the system, or of a process that was killed.
        let visible = found.filter { !$0.hasPrefix(".") }.sorted()
        if let stranger = visible.first(where: { !names.contains($0) }) {
            throw ExportError.holdsOtherFiles(path: folder.url.path, name: stranger)
        }
        guard visible.isEmpty || isReplacing else { throw ExportError.exists(path: folder.url.path) }
        return true
    }
}
