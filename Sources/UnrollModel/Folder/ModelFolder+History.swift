import Foundation
import UnrollBase

extension ModelFolder {
    /// The files that every model folder has.
    package static let names = [configurationName, vocabularyName, parametersName]

    /// Makes a folder that holds these files of this one, as they are now; a folder that has the name is replaced.
    ///
    /// Files are shared where the file system can do that: those of this folder are replaced by later ones, never
    /// changed.
    package func link(_ names: [String], to target: URL) throws {
        let parent = target.deletingLastPathComponent()
        let temporary = FileSystem.temporaryURL(in: parent)
        FileSystem.discardAbandoned(in: parent)
        do throws(SystemError) {
            try FileSystem.createFolders(temporary)
            let lock = WriteLock(temporary)
            for name in names {
                try FileSystem.link(url(of: name), to: temporary.appendingPathComponent(name))
            }
            try FileSystem.synchronizeFolder(temporary)
            FileSystem.discard(target)
            try FileSystem.rename(temporary, to: target)
            lock?.release()
            try FileSystem.synchronizeFolder(parent)
        } catch {
            FileSystem.discard(temporary)
            throw FileError(error, writing: 0, to: target.path)
        }
    }

    /// The names of the folders in this one.
    package func folderNames() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: url.path)
                .filter { FileSystem.kind(of: self.url(of: $0)) == .folder }
        } catch {
            throw FileError(error, reading: url.path)
        }
    }

    /// Removes the folder with all in it.
    package func remove() throws {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            throw FileError.unwritable(path: url.path, reason: SystemError.reason(of: error))
        }
    }
}
