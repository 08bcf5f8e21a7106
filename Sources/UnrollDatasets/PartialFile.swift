import Foundation

/// A text on its way: the file that a download appends to, and that a later download continues.
///
/// It is locked while in use, because two programs that append to one file would spoil it.
final class PartialFile {
    private(set) var byteCount: Int
    private let entry: CorpusEntry
    private let url: URL
    private let descriptor: Int32

    /// Opens what an earlier download left, or starts an empty file.
    init(of entry: CorpusEntry, in cache: CorpusCache) throws(CorpusError) {
        try Self.create(cache.folder)
        let url = cache.partialFile(of: entry)
        let descriptor = open(url.path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.error(at: url) }
        do throws(CorpusError) {
            byteCount = try Self.lock(descriptor, at: url, for: entry)
        } catch {
            close(descriptor)
            throw error
        }
        self.entry = entry
        self.url = url
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Adds bytes at the end.
    func append(_ data: Data) throws(CorpusError) {
        var rest = data
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
                byteCount += count
            } else if errno != EINTR {
                throw Self.error(at: url)
            }
        }
    }

    /// Forgets everything that has arrived.
    func removeContents() throws(CorpusError) {
        guard byteCount > 0 else { return }
        guard ftruncate(descriptor, 0) == 0 else { throw Self.error(at: url) }
        byteCount = 0
    }

    /// Removes the file itself.
    func delete() {
        unlink(url.path)
    }

    /// The size and checksum of what has arrived.
    func fingerprint() throws(CorpusError) -> FileFingerprint {
        do {
            return try FileFingerprint(of: url)
        } catch {
            throw .cacheUnwritable(path: url.path, reason: error.localizedDescription)
        }
    }

    /// Gives the file its final name, all at once and only after its bytes are safely on the disk.
    func move(to destination: URL) throws(CorpusError) {
        guard fsync(descriptor) == 0 else { throw Self.error(at: url) }
        guard rename(url.path, destination.path) == 0 else { throw Self.error(at: destination) }
    }

    private static func create(_ folder: URL) throws(CorpusError) {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            // The system's own words are the clearer ones, where there are any.
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? POSIXError
            let reason = cause.map { String(cString: strerror($0.code.rawValue)) }
            throw .cacheUnwritable(path: folder.path, reason: reason ?? error.localizedDescription)
        }
    }

    /// Locks the file and returns its size.
    private static func lock(
        _ descriptor: Int32, at url: URL, for entry: CorpusEntry
    ) throws(CorpusError) -> Int {
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            throw .downloadInProgress(entry, file: url.path)
        }
        var opened = stat()
        guard fstat(descriptor, &opened) == 0 else { throw error(at: url) }
        // A download that finished between opening and locking has moved the file away: what is open here is then
        // the finished text, which must not be written to.
        var named = stat()
        guard stat(url.path, &named) == 0, named.st_ino == opened.st_ino else {
            throw .downloadInProgress(entry, file: url.path)
        }
        return Int(opened.st_size)
    }

    /// The system's last error, which came from this file.
    private static func error(at url: URL) -> CorpusError {
        switch errno {
        case ENOSPC, EDQUOT: .diskFull(path: url.path)
        default: .cacheUnwritable(path: url.path, reason: String(cString: strerror(errno)))
        }
    }
}
