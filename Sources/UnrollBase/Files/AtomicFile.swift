import Foundation

/// Writing of single files that other processes may read, or a kill may interrupt, at any moment.
package enum AtomicFile {
    /// Replaces a file, or creates it.
    ///
    /// Readers see the old or the new contents, never a part of either.
    ///
    /// - Throws: `FileError.unwritable` or `.diskFull`, as all functions here.
    package static func write(_ data: Data, to url: URL) throws(FileError) {
        let file = try StagedFile(for: url)
        try file.write(data)
        try file.putInPlace()
    }

    /// Adds a line to a file, or creates it.
    ///
    /// When there is no room for the whole line, nothing of it stays.
    package static func append(line: String, to url: URL) throws(FileError) {
        try append(Data("\(line)\n".utf8), to: url)
    }

    /// Adds data to a file, or creates it.
    ///
    /// When there is no room for all of it, nothing of it stays.
    package static func append(_ data: Data, to url: URL) throws(FileError) {
        do throws(SystemError) {
            let file = try OutputFile(appendingTo: url.path)
            let size = try file.size()
            do throws(SystemError) {
                try file.write(data)
            } catch {
                try? file.truncate(to: size)
                throw error
            }
        } catch {
            throw FileError(error, writing: data.count, to: url.path)
        }
    }

    /// Waits until the contents of a file, if there is one, are on the disk.
    package static func synchronize(_ url: URL) throws(FileError) {
        guard FileSystem.kind(of: url) == .file else { return }
        do throws(SystemError) {
            try OutputFile(appendingTo: url.path).synchronize()
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
    }
}

/// A file that is written part by part and appears at the end, whole.
///
/// Without ``putInPlace()`` nothing is left. The place may be:
///
/// - a name without a file: the new one has the permissions that the system gives new files;
/// - a file: it is replaced at once. The new one has its permissions, owner and group. Other names of the old one (hard
///   links) keep the old contents. A file that this process may not write to is not replaced;
/// - a symbolic link: it stays, and what it leads to is created or replaced;
/// - a pipe or a device: the bytes go there as they are written;
/// - a folder: an error.
package final class StagedFile {
    /// As it was given, for errors.
    private let path: String
    /// What the path leads to.
    private let place: URL
    /// Nil for a pipe or a device.
    private let temporary: TemporaryItem?
    private let file: OutputFile
    /// The file whose owner and group the new one takes, and the permissions.
    private let model: (status: FileStatus, permissions: UInt32)?
    /// The time of modification that the new file takes; nil for the time at which it is written.
    private let time: FileStatus?
    private var byteCount = 0

    /// Creates a file that will replace the one at `url`, if there is one then.
    ///
    /// - Parameters:
    ///   - url: The place of the file.
    ///   - source: A file whose time of modification the new file takes, as a copy would. Unless it replaces another, it
    ///     takes owner, group and permissions too; if it does, it has no permission that the source has not. Default:
    ///     nil.
    /// - Throws: `FileError.unwritable` or `.diskFull`.
    package init(for url: URL, copying source: FileStatus? = nil) throws(FileError) {
        path = url.path
        time = source
        do throws(SystemError) {
            place = try FileSystem.target(of: url)
            let existing = FileStatus(of: place.path)
            switch existing?.kind {
            case .folder?:
                throw .isFolder
            case .other?:
                (temporary, model) = (nil, nil)
                file = try OutputFile(existing: place.path)
            case .file?, .link?, nil:
                if existing != nil { try FileSystem.checkIsWritable(place) }
                model = (existing ?? source).map { status in
                    (status, status.permissions & (source?.permissions ?? status.permissions))
                }
                let folder = place.deletingLastPathComponent()
                FileSystem.discardAbandonedOnce(in: folder)
                let temporary = TemporaryItem(in: folder)
                self.temporary = temporary
                // Permissions are never wider than in the end, not even for a moment.
                file = try OutputFile(creating: temporary.url.path, permissions: model == nil ? 0o666 : 0o600)
                temporary.lock()
            }
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
    }

    /// Adds data at the end.
    package func write(_ data: Data) throws(FileError) {
        byteCount += data.count
        do throws(SystemError) {
            try file.write(data)
        } catch {
            throw FileError(error, writing: byteCount, to: path)
        }
    }

    /// Adds bytes at the end.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        byteCount += bytes.count
        do throws(SystemError) {
            try file.write(bytes)
        } catch {
            throw FileError(error, writing: byteCount, to: path)
        }
    }

    /// Opens the file for reading, before it is put in its place.
    package func reader() throws(FileError) -> InputFile {
        do throws(SystemError) {
            return try InputFile((temporary?.url ?? place).path)
        } catch {
            throw FileError.unreadable(path: path, reason: error.reason)
        }
    }

    /// Puts the file in its place once it is on the disk.
    ///
    /// Readers see the old or the new contents, never a part.
    package func putInPlace() throws(FileError) {
        guard let temporary else { return }
        do throws(SystemError) {
            if let model { file.adopt(model.status, permissions: model.permissions) }
            if let time { file.setModificationTime(of: time) }
            try file.synchronize()
            try temporary.move(to: place)
            try FileSystem.synchronizeFolder(place.deletingLastPathComponent())
        } catch {
            throw FileError(error, writing: byteCount, to: path)
        }
    }
}
