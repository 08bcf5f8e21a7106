import UnrollBase

/// Why a model cannot be exported.
///
/// Files that cannot be written are a `FileError`.
public enum ExportError: UnrollError, Equatable {
    /// The folder has files of an export already.
    case exists(path: String)
    /// The folder has a file that is not one of such an export.
    case holdsOtherFiles(path: String, name: String)
    /// A file would be longer than its format allows; both in bytes.
    case tooLarge(file: String, byteCount: Int, limit: Int)
    /// A file would have more tensors than its format allows.
    case tooManyTensors(file: String, limit: Int)

    /// One line that names the folder or file and the way out.
    public var description: String {
        switch self {
        case .exists(let path):
            "\(path): holds an export already; choose another folder, or replace it"
        case .holdsOtherFiles(let path, let name):
            "\(path): holds '\(name)', which is no file of such an export; choose another folder"
        case .tooLarge(let file, let byteCount, let limit):
            "\(file) would have \(byteCount) bytes, but its format allows \(limit); export the model as safetensors"
        case .tooManyTensors(let file, let limit):
            "\(file) would have more than the \(limit) tensors that its format allows; export the model as safetensors"
        }
    }

    /// Refuses a file that is longer than its format allows.
    package static func check(_ byteCount: Int, of file: String, limit: Int) throws(ExportError) {
        guard byteCount <= limit else { throw .tooLarge(file: file, byteCount: byteCount, limit: limit) }
    }
}
