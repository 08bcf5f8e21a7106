import Foundation
import Synchronization

/// Operations on files and folders that saving consists of.
package enum FileSystem {
    /// The kind of thing at a path.
    package enum Kind {
        case nothing
        case file
        case folder
    }

    package static func kind(of url: URL) -> Kind {
        guard let status = FileStatus(of: url.path) else { return .nothing }
        return status.kind == .folder ? .folder : .file
    }

    private static let temporaryPrefix = ".unroll-"
    /// More seconds than a process needs to lock a file after its creation.
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

    /// Returns an unused path in the folder, with a hidden name.
    static func temporaryURL(in folder: URL) -> URL {
        folder.appendingPathComponent("\(temporaryPrefix)\(UUID().uuidString)")
    }

    /// Whether a name is that of a temporary file or folder, which a killed process may have left.
    package static func isTemporary(_ name: String) -> Bool {
        name.hasPrefix(temporaryPrefix)
            && UUID(uuidString: String(name.dropFirst(temporaryPrefix.count))) != nil
    }

    /// Removes the temporary files and folders of killed processes, which are those without a lock.
    package static func discardAbandoned(in folder: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where isTemporary(name) {
            let url = folder.appendingPathComponent(name)
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: url.path),
                let date = attributes[.modificationDate] as? Date, -date.timeIntervalSinceNow > timeToLock,
                let lock = WriteLock(url)
            else { continue }
            discard(url)
            lock.release()
        }
    }

    /// The same, but the first time in this process only, for folders that may have many files.
    static func discardAbandonedOnce(in folder: URL) {
        let isFirst = searchedFolders.withLock { $0.insert(folder.path).inserted }
        if isFirst { discardAbandoned(in: folder) }
    }

    private static let searchedFolders = Mutex<Set<String>>([])

    /// The place that a path leads to by symbolic links, whether there is anything or not; the path itself if it is none.
    ///
    /// A link to a pipe or a device is not followed: the system has links that lead to no path.
    package static func target(of url: URL) throws(SystemError) -> URL {
        guard FileStatus(of: url.path)?.kind != .other else { return url }
        var url = url
        for _ in 0..<longestChain {
            guard FileStatus(of: url.path, followingLinks: false)?.kind == .link else { return url }
            let capacity = Int(PATH_MAX)
            var name = [CChar](repeating: 0, count: capacity)
            let count = readlink(url.path, &name, capacity)
            guard count >= 0 else { throw .last }
            let path = String(decoding: name[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            // The system goes on from the link's folder, which may itself be a link: dots cannot be left out here.
            url = URL(
                fileURLWithPath: path.hasPrefix("/")
                    ? path : url.deletingLastPathComponent().path + "/" + path)
        }
        throw SystemError(code: ELOOP)
    }

    /// The links that may follow each other, as many as Linux follows.
    private static let longestChain = 40

    /// Throws unless this process may write to a file.
    static func checkIsWritable(_ url: URL) throws(SystemError) {
        guard access(url.path, W_OK) == 0 else { throw .last }
    }

    /// Writes a file that is not there yet, and waits until it is on the disk.
    package static func create(
        _ url: URL, containing data: Data, permissions: UInt32 = 0o666
    ) throws(SystemError) {
        let file = try OutputFile(creating: url.path, permissions: permissions)
        try file.write(data)
        try file.synchronize()
    }

    /// Creates a folder that is not there yet.
    package static func createFolder(_ url: URL) throws(SystemError) {
        guard mkdir(url.path, 0o777) == 0 else { throw .last }
    }

    /// Creates a folder and its parents, unless they are there.
    package static func createFolders(_ url: URL) throws(SystemError) {
        guard kind(of: url) == .nothing else { return }
        let parent = url.deletingLastPathComponent()
        if parent != url { try createFolders(parent) }
        do throws(SystemError) {
            try createFolder(url)
        } catch  where error.code == EEXIST {
            // Another process was faster.
        }
    }

    /// Renames a file or folder, in place of one with the new name.
    package static func rename(_ source: URL, to target: URL) throws(SystemError) {
        guard Foundation.rename(source.path, target.path) == 0 else { throw .last }
    }

    /// Gives a file a second name, or makes a copy where the file system has no hard links.
    package static func link(_ source: URL, to target: URL) throws(SystemError) {
        guard Foundation.link(source.path, target.path) != 0 else { return }
        guard let data = try? Data(contentsOf: source), let status = FileStatus(of: source.path) else {
            throw .last
        }
        try create(target, containing: data, permissions: status.permissions)
    }

    /// Waits until the names in a folder are on the disk.
    package static func synchronizeFolder(_ url: URL) throws(SystemError) {
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        // Some file systems do not open or synchronize folders. There is nothing more to do then.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else { throw .last }
    }

    /// Removes the remains of a failed attempt, if there are any.
    package static func discard(_ url: URL) {
        try? FileManager.default.removeItem(at: url)
    }
}
