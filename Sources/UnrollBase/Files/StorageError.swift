/// Why a model could not be saved or read.
public enum StorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is nothing at the path.
    case folderNotFound(path: String)
    /// A file stands where a model folder is wanted.
    case notAFolder(path: String)
    /// The folder has no `config.json`.
    case notAModelFolder(path: String)
    /// A file that belongs to a model is not in its folder.
    case fileNotFound(path: String)
    /// The folder describes a model but does not hold its parameters.
    case parametersNotFound(path: String)
    /// The system refused to open or read a file.
    case unreadable(path: String, reason: String)
    /// A file is truncated, changed, or nothing that Unroll has written.
    case invalidFile(path: String, reason: String)
    /// A file is of a format that was introduced after this program was made.
    case newerVersion(path: String, version: Int)
    /// The model's cell is neither built in nor among those that were passed.
    case unknownCell(path: String, name: String, known: [String])
    /// A file is not the one that the parameters beside it were saved with.
    case mixedModels(path: String)
    /// The parameters have other names or shapes than the model that the folder describes.
    case parametersDoNotFit(path: String, reason: String)
    /// Saving would replace another model's files.
    case holdsAnotherModel(path: String)
    /// The system refused to write.
    case unwritable(path: String, reason: String)
    /// There is no room for what is to be written.
    case diskFull(path: String, neededBytes: Int)

    /// One line that names the file or folder and the way out.
    public var description: String {
        switch self {
        case .folderNotFound(let path):
            "\(path): no such folder; check the path"
        case .notAFolder(let path):
            "\(path): is a file, where a model folder is needed; name a folder"
        case .notAModelFolder(let path):
            "\(path): not a model folder, for it has no config.json; name a folder that a model was saved to"
        case .fileNotFound(let path):
            "\(path): no such file; restore it from a copy or train the model again"
        case .parametersNotFound(let path):
            "\(path): no such file; training was interrupted before its first checkpoint, or the file was removed;"
                + " train again or restore it"
        case .unreadable(let path, let reason):
            "\(path): cannot be read (\(reason)); check the path and its permissions"
        case .invalidFile(let path, let reason):
            "\(path): \(reason); restore the file from a copy or train the model again"
        case .newerVersion(let path, let version):
            "\(path): format version \(version) was written by a newer Unroll; update this program"
        case .unknownCell(let path, let name, let known):
            "\(path): the cell '\(name)' is unknown (known: \(known.joined(separator: ", ")));"
                + " pass its type as one of 'cells' or update this program"
        case .mixedModels(let path):
            "\(path): not the file that model.safetensors was saved with (one of them was changed or is of another"
                + " model); restore the whole folder from one copy"
        case .parametersDoNotFit(let path, let reason):
            "\(path): does not fit config.json and vocabulary.json (\(reason)); take all files from one model"
        case .holdsAnotherModel(let path):
            "\(path): holds another model; choose another folder or remove it"
        case .unwritable(let path, let reason):
            "\(path): cannot be written (\(reason)); check its permissions or choose another folder"
        case .diskFull(let path, let neededBytes):
            "\(path): no space left on the disk for \(neededBytes) bytes; free some or choose another folder"
        }
    }
}
