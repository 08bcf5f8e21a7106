import Foundation

/// A file or standard input, read part by part.
struct ByteInput {
    static let standard = "-"

    /// What to call it in messages.
    let name: String
    /// Its length, if it is a file.
    let byteCount: Int?
    /// What tells it from other files; nil for standard input.
    let identity: FileIdentity?
    private let handle: FileHandle

    init(_ path: String) throws {
        guard path != Self.standard else {
            (name, byteCount, identity, handle) = ("standard input", nil, nil, .standardInput)
            return
        }
        name = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure("\(path): cannot be read (\(String(cString: strerror(errno)))); check the path")
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            throw Failure("\(path): is a folder; name a file, or put the folder into one with tar")
        }
        // Files that the system makes up while they are read have no length.
        byteCount = status.st_mode & S_IFMT == S_IFREG && status.st_size > 0 ? Int(status.st_size) : nil
        identity = FileIdentity(status)
    }

    /// The next part, nil at the end.
    func next() throws -> Data? {
        do {
            let part = try handle.read(upToCount: 1 << 16)
            return part?.isEmpty == true ? nil : part
        } catch {
            throw Failure("\(name): cannot be read (\(error.localizedDescription)); check the disk")
        }
    }
}

/// What two paths of one file have in common.
struct FileIdentity: Equatable {
    private let device: UInt64
    private let node: UInt64

    init(_ status: stat) {
        device = UInt64(truncatingIfNeeded: status.st_dev)
        node = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
