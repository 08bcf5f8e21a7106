import Foundation

/// A folder whose files are parts of one text.
///
/// The files come in the order of their paths' bytes, which is the same whatever the file system or the language of
/// the machine. Hidden files and folders do not count. Links to files are followed and links to folders are not, so
/// that no loop of them is walked.
struct TextFolder {
    let url: URL
    /// The folder that a run saves to: what lies in it is no text of the run.
    let excluded: URL?

    /// Whether there is a folder at a place.
    static func exists(at url: URL) -> Bool {
        status(of: url.relativePath, stat).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    }

    /// The files in the folder and in the folders in it.
    func files() throws(TextError) -> [URL] {
        let excluded = excluded.flatMap { Self.status(of: $0.path, stat) }
        var files: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try names(in: folder) where !name.hasPrefix(".") {
                let path = folder + name
                guard let status = Self.status(of: absolutePath(path), lstat) else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR where status.st_ino == excluded?.st_ino && status.st_dev == excluded?.st_dev:
                    break
                case S_IFDIR:
                    folders.append(path + "/")
                case S_IFREG:
                    files.append(path)
                case S_IFLNK:
                    let target = Self.status(of: absolutePath(path), stat)
                    if let target, target.st_mode & S_IFMT == S_IFREG { files.append(path) }
                default:
                    break
                }
            }
        }
        guard !files.isEmpty else { throw .emptyFolder(folder: url.relativePath) }
        files.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return files.map { URL(fileURLWithPath: absolutePath($0)) }
    }

    private func absolutePath(_ path: String) -> String {
        "\(url.relativePath)/\(path)"
    }

    private func names(in folder: String) throws(TextError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: absolutePath(folder))
        } catch {
            throw .unreadable(file: absolutePath(folder), reason: error.localizedDescription)
        }
    }

    private static func status(
        of path: String, _ call: (UnsafePointer<CChar>, UnsafeMutablePointer<stat>) -> Int32
    ) -> stat? {
        var status = stat()
        return call(path, &status) == 0 ? status : nil
    }
}
