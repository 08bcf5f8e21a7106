import Foundation

/// A token cache while it is written: under a name of its own until it is whole, and removed if it never is.
final class TokenCacheFile {
    private let url: URL
    private let temporary: URL
    private let handle: FileHandle

    /// Begins a file that is to replace another, in a folder that is made unless it is there.
    ///
    /// Goes by what a killed process has left of an earlier attempt, and removes it.
    init(replacing url: URL) throws(TextError) {
        self.url = url
        let folder = url.deletingLastPathComponent()
        temporary = url.appendingPathExtension(UUID().uuidString)
        do {
            let files = FileManager.default
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
            for name in try files.contentsOfDirectory(atPath: folder.path)
            where name.hasPrefix(url.lastPathComponent + ".") {
                try files.removeItem(at: folder.appendingPathComponent(name))
            }
            let descriptor = open(temporary.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
            handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        } catch {
            throw Self.unwritable(url, error)
        }
    }

    deinit {
        try? FileManager.default.removeItem(at: temporary)
    }

    /// Adds bytes at the end.
    func write(_ bytes: UnsafeRawBufferPointer) throws(TextError) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        do {
            try handle.write(
                contentsOf: Data(
                    bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: bytes.count,
                    deallocator: .none))
        } catch {
            throw Self.unwritable(url, error)
        }
    }

    /// Adds the last bytes, waits until the disk has all of it, and gives the file its name.
    func finish(with end: () throws -> Data) throws(TextError) {
        do {
            try handle.write(contentsOf: try end())
            try handle.synchronize()
            guard rename(temporary.path, url.path) == 0 else {
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
            }
        } catch {
            throw Self.unwritable(url, error)
        }
    }

    private static func unwritable(_ url: URL, _ error: any Error) -> TextError {
        let cause = (error as? CocoaError)?.underlying as? POSIXError ?? error as? POSIXError
        let reason = cause.map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
        return .cacheUnwritable(file: url.path, reason: reason)
    }
}
