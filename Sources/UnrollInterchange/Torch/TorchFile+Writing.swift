import Foundation
import UnrollBase
import UnrollModel

extension TorchFile {
    /// The `state_dict` of a model's network as a file.
    ///
    /// Tied weights are there under both of their names, as PyTorch has them, and share their elements.
    ///
    /// - Throws: `ExportError.tooLarge`, with `name` as that of the file.
    static func data(of model: LanguageModel, name: String) throws(ExportError) -> Data {
        // The folder in which PyTorch, too, puts everything of a file that has no name.
        let folder = "archive"
        var pickle = PickleWriter()
        for (index, entry) in model.parameters.entries.enumerated() {
            pickle.add(entry.name, shape: entry.shape, storage: "\(index)")
            if model.configuration.tiesWeights, entry.name == "embedding.weight" {
                pickle.add("decoder.weight", shape: entry.shape, storage: "\(index)")
            }
        }
        var archive = ZipWriter(name)
        try archive.add("\(folder)/data.pkl", pickle.data)
        try archive.add("\(folder)/byteorder", Data("little".utf8))
        for (index, entry) in model.parameters.entries.enumerated() {
            try archive.add("\(folder)/data/\(index)", Data(littleEndian: entry.values))
        }
        try archive.add("\(folder)/version", Data("3\n".utf8))
        return archive.archive
    }
}
