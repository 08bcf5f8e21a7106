import UnrollBase

/// Why a folder is not a model that can be read, or not a place where one can be saved.
///
/// Files that cannot be read or written, or that are damaged, are a ``FileError``.
public enum ModelFolderError: UnrollError, Equatable {
    /// The path is a file, not a folder.
    case notAFolder(path: String)
    /// The folder has no `config.json`.
    case notAModelFolder(path: String)
    /// A file of the model is missing.
    case fileMissing(path: String)
    /// The folder describes a model but does not hold its parameters.
    case parametersMissing(path: String)
    /// The model's cell is neither built in nor among those that were passed.
    case unknownCell(path: String, name: String, known: [String])
    /// The cell of this name has another formula than the one that the model was saved with; both by their digests.
    case otherFormula(path: String, cell: String, saved: String, own: String)
    /// The file is not the one that the parameters beside it were saved with.
    case mixedModels(path: String)
    /// The parameters have other names or shapes than those of the model that the folder describes.
    case parametersDoNotFit(path: String, reason: String)
    /// Saving would replace the files of another model.
    case holdsAnotherModel(path: String)

    /// One line that names the file or folder and the way out.
    public var description: String {
        switch self {
        case .notAFolder(let path):
            "\(path): is a file, not a model folder; name a folder"
        case .notAModelFolder(let path):
            "\(path): not a model folder (it has no config.json); name a folder that a model was saved to"
        case .fileMissing(let path):
            "\(path): no such file; restore it from a copy or train the model again"
        case .parametersMissing(let path):
            "\(path): no such file; training was interrupted before its first checkpoint, or the file was removed;"
                + " restore it or train again"
        case .unknownCell(let path, let name, let known):
            "\(path): the cell '\(name)' is unknown (known: \(known.joined(separator: ", ")));"
                + " pass its type in 'cells' or update this program"
        case .otherFormula(let path, let cell, let saved, let own):
            "\(path): \(ModelError.otherFormula(cell: cell, saved: saved, own: own))"
        case .mixedModels(let path):
            "\(path): not the file that model.safetensors was saved with (one of them was changed or belongs to"
                + " another model); restore the whole folder from one copy"
        case .parametersDoNotFit(let path, let reason):
            "\(path): does not fit config.json and vocabulary.json (\(reason)); take all files from one model"
        case .holdsAnotherModel(let path):
            "\(path): holds another model; choose another folder or remove it"
        }
    }
}
