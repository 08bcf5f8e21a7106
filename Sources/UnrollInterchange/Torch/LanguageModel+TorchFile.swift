import Foundation
import UnrollBase
import UnrollModel

extension LanguageModel {
    /// The `state_dict` of the model's network as a file of `torch.save`: a ZIP archive of a pickle that describes tensors,
    /// and of their elements.
    ///
    /// Tied weights are there under both of their names, as PyTorch has them, and share their elements.
    ///
    /// - Throws: `ExportError.tooLarge`, with `name` as that of the file.
    func torchFile(named name: String) throws(ExportError) -> Data {
        // The folder in which PyTorch, too, puts everything of a file that has no name.
        let folder = "archive"
        var pickle = PickleWriter()
        for (index, entry) in parameters.entries.enumerated() {
            pickle.add(entry.name, shape: entry.shape, storage: "\(index)")
            if configuration.tiesWeights, entry.name == "embedding.weight" {
                pickle.add("decoder.weight", shape: entry.shape, storage: "\(index)")
            }
        }
        var archive = ZipWriter(name)
        try archive.add("\(folder)/data.pkl", pickle.data)
        try archive.add("\(folder)/byteorder", Data("little".utf8))
        for (index, entry) in parameters.entries.enumerated() {
            try archive.add("\(folder)/data/\(index)", Data(littleEndian: entry.values))
        }
        try archive.add("\(folder)/version", Data("3\n".utf8))
        return archive.archive
    }
}
