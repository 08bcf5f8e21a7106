import Foundation
import UnrollBase

extension ModelFolder {
    /// The files of the folder's model.
    package var names: [String] {
        let hasNGrams = FileSystem.kind(of: url(of: Self.ngramsName)) == .file
        return [Self.configurationName, Self.vocabularyName, Self.parametersName]
            + (hasNGrams ? [Self.ngramsName] : [])
    }

    /// Makes a folder that holds these files of this one, as they are now; a folder that has the name is replaced.
    ///
    /// A name may have one folder in it, such as `best/config.json`.
    ///
    /// Files are shared where the file system can do that: those of this folder are replaced by later ones, never
    /// changed.
    package func link(_ names: [String], to target: URL) throws {
        let parent = target.deletingLastPathComponent()
        FileSystem.discardAbandoned(in: parent)
        do throws(SystemError) {
            let temporary = TemporaryItem(in: parent)
            try FileSystem.createFolders(temporary.url)
            temporary.lock()
            for name in names {
                let file = temporary.url.appendingPathComponent(name)
                try FileSystem.createFolders(file.deletingLastPathComponent())
                try FileSystem.link(url(of: name), to: file)
            }
            for folder in Set(
                names.map { temporary.url.appendingPathComponent($0).deletingLastPathComponent() })
            {
                try FileSystem.synchronizeFolder(folder)
            }
            FileSystem.discard(target)
            try temporary.move(to: target)
            try FileSystem.synchronizeFolder(parent)
        } catch {
            throw FileError(error, writing: 0, to: target.path)
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
