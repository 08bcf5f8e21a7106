import Foundation

/// The bytes of a file, a pipe or a device.
///
/// A file is read a piece at a time rather than mapped into memory: that is as fast, holds no pages, and a file that
/// shrinks meanwhile ends early instead of killing the process. What cannot be read twice is kept in memory.
final class FileSource: ByteSource {
    let byteCount: Int
    private let name: String
    private let descriptor: Int32
    private let kept: [UInt8]?

    init(_ url: URL) throws(TextError) {
        let (name, descriptor) = try Self.open(url)
        self.name = name
        self.descriptor = descriptor
        do throws(TextError) {
            (byteCount, kept) = try Self.sizeOrContents(of: descriptor, name: name)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(descriptor)
    }

    func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(TextError) -> Int {
        if let kept {
            return kept.withUnsafeBytes { MemorySource(bytes: $0).read(from: offset, into: buffer) }
        }
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + filled))
            if count > 0 {
                filled += count
            } else if count == 0 {
                break
            } else if errno != EINTR {
                throw .unreadable(file: name, reason: systemReason())
            }
        }
        return filled
    }

    /// Opens what has a name, to read it.
    static func open(_ url: URL) throws(TextError) -> (name: String, descriptor: Int32) {
        guard url.isFileURL else {
            throw .unreadable(file: url.absoluteString, reason: "not a file URL")
        }
        let name = url.relativePath
        let descriptor = Foundation.open(name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw errno == ENOENT
                ? .fileNotFound(file: name) : .unreadable(file: name, reason: systemReason())
        }
        return (name, descriptor)
    }

    /// The size of a file that can be read piece by piece, or else all that it holds.
    private static func sizeOrContents(
        of descriptor: Int32, name: String
    ) throws(TextError) -> (size: Int, contents: [UInt8]?) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .unreadable(file: name, reason: systemReason())
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            throw .isDirectory(file: name)
        case S_IFREG where status.st_size > 0:
            return (Int(status.st_size), nil)
        default:
            // Files of the system, such as those in /proc, claim to be empty as well.
            let contents = try readToEnd(descriptor, name: name)
            return (contents.count, contents)
        }
    }

    private static func readToEnd(_ descriptor: Int32, name: String) throws(TextError) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Foundation.read(descriptor, &block, block.count)
            if count > 0 {
                bytes.append(contentsOf: block[..<count])
            } else if count == 0 {
                return bytes
            } else if errno != EINTR {
                throw .unreadable(file: name, reason: systemReason())
            }
        }
    }
}

/// The system's words for its last error.
func systemReason() -> String {
    String(cString: strerror(errno))
}
