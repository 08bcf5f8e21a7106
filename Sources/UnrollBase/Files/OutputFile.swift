import Foundation

/// A file open for writing, closed when it goes out of scope.
package struct OutputFile: ~Copyable {
    private let descriptor: Int32

    private init(_ path: String, flags: Int32) throws(SystemError) {
        descriptor = open(path, O_WRONLY | O_CLOEXEC | flags, 0o666)
        guard descriptor >= 0 else { throw .last }
    }

    deinit {
        close(descriptor)
    }

    /// Creates a file that is not there yet.
    package init(creating path: String) throws(SystemError) {
        try self.init(path, flags: O_CREAT | O_EXCL)
    }

    /// Opens or creates a file at whose end everything is written.
    package init(appendingTo path: String) throws(SystemError) {
        try self.init(path, flags: O_CREAT | O_APPEND)
    }

    /// The bytes that the file holds.
    package borrowing func size() throws(SystemError) -> off_t {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last }
        return status.st_size
    }

    /// Writes all of the data.
    package borrowing func write(_ data: Data) throws(SystemError) {
        var failure: SystemError?
        data.withUnsafeBytes { bytes in
            do throws(SystemError) {
                try write(bytes)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Writes all of the bytes.
    package borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
        var rest = bytes
        while !rest.isEmpty {
            // Some systems refuse to write more than two gigabytes at once.
            let part = rest.prefix(1 << 30)
            let count = Foundation.write(descriptor, rest.baseAddress, part.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw .last
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Waits until the disk has everything.
    package borrowing func synchronize() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw .last }
    }

    /// Cuts off what lies past the size.
    package borrowing func truncate(to size: off_t) throws(SystemError) {
        guard ftruncate(descriptor, size) == 0 else { throw .last }
    }
}
