import Foundation

/// The few operations on files and folders that saving is made of.
package enum FileSystem {
    /// What there is at a path.
    package enum Kind {
        case nothing
        case file
        case folder
    }

    package static func kind(of url: URL) -> Kind {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
            return .nothing
        }
        return isFolder.boolValue ? .folder : .file
    }

    private static let temporaryPrefix = ".unroll-"
    /// Seconds that somebody needs, by far, to lock what he has made.
    private static let timeToLock = 2.0

    /// Reads a file, or returns nil if there is none.
    package static func contents(of file: URL) throws(FileError) -> Data? {
        guard kind(of: file) != .nothing else { return nil }
        do {
            return try Data(contentsOf: file)
        } catch {
            throw FileError(error, reading: file.path)
        }
    }

    /// Returns a path in the folder that nothing has, hidden from listings.
    package static func temporaryURL(in folder: URL) -> URL {
        folder.appendingPathComponent("\(temporaryPrefix)\(UUID().uuidString)")
    }

    /// Removes temporary files and folders of processes that were killed while they wrote: those that nobody locks.
    package static func discardAbandoned(in folder: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where name.hasPrefix(temporaryPrefix) {
            guard UUID(uuidString: String(name.dropFirst(temporaryPrefix.count))) != nil else { continue }
            let url = folder.appendingPathComponent(name)
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path),
                let date = attributes[.modificationDate] as? Date, -date.timeIntervalSinceNow > timeToLock,
                let lock = WriteLock(url)
            else { continue }
            discard(url)
            lock.release()
        }
    }

    /// Writes a file that is not there yet, and waits until the disk has it.
    package static func create(_ url: URL, containing data: Data) throws(SystemError) {
        let file = try OutputFile(creating: url.path)
        try file.write(data)
        try file.synchronize()
    }

    /// Creates a folder that is not there yet.
    package static func createFolder(_ url: URL) throws(SystemError) {
        guard mkdir(url.path, 0o777) == 0 else { throw .last }
    }

    /// Creates a folder, and those that it lies in, unless it is there.
    package static func createFolders(_ url: URL) throws(SystemError) {
        guard kind(of: url) == .nothing else { return }
        let parent = url.deletingLastPathComponent()
        if parent != url { try createFolders(parent) }
        do throws(SystemError) {
            try createFolder(url)
        } catch  where error.code == EEXIST {
            // Somebody else was faster.
        }
    }

    /// Gives a file or folder another name, in place of what has that name.
    package static func rename(_ source: URL, to target: URL) throws(SystemError) {
        guard Foundation.rename(source.path, target.path) == 0 else { throw .last }
    }

    /// Gives a file a second name, or makes a copy where the file system knows no such thing.
    package static func link(_ source: URL, to target: URL) throws(SystemError) {
        guard Foundation.link(source.path, target.path) != 0 else { return }
        guard let data = try? Data(contentsOf: source) else { throw .last }
        try create(target, containing: data)
    }

    /// Waits until the disk has the names of what lies in the folder.
    package static func synchronizeFolder(_ url: URL) throws(SystemError) {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        // Not every file system lets a folder be opened or synchronized; there is nothing more to be done then.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else { throw .last }
    }

    /// Removes what is left of an attempt that failed, if anything is.
    package static func discard(_ url: URL) {
        try? FileManager.default.removeItem(at: url)
    }
}
