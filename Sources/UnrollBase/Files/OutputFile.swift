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

    /// Opens what is there already, such as a pipe or a device; a file keeps what it holds beyond what is written.
    package init(existing path: String) throws(SystemError) {
        try self.init(path, flags: 0)
    }

    /// The size of the file in bytes.
    package borrowing func size() throws(SystemError) -> off_t {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .last }
        return status.st_size
    }

    /// Writes all of the data.
    package borrowing func write(_ data: Data) throws(SystemError) {
        let failure = data.withUnsafeBytes { bytes -> SystemError? in
            do throws(SystemError) { try Descriptor.write(bytes, to: descriptor) } catch { return error }
            return nil
        }
        if let failure { throw failure }
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
