import Foundation

/// Bytes that are read once, in order, when they are there: a file, a pipe, a terminal.
package final class ByteStream {
    /// What to call it in an error.
    package let name: String
    /// The number of bytes, 0 when it is not known before reading.
    package let byteCount: Int
    private let descriptor: Int32
    private let isOwned: Bool

    /// Opens a file, a pipe or a device.
    package init(contentsOf url: URL) throws(TextError) {
        (name, descriptor) = try FileSource.open(url)
        isOwned = true
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        byteCount = isKnown && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
        if isKnown, status.st_mode & S_IFMT == S_IFDIR { throw .isDirectory(file: name) }
    }

    private init(name: String, descriptor: Int32) {
        self.name = name
        self.descriptor = descriptor
        byteCount = 0
        isOwned = false
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// The standard input of this process.
    package static var standardInput: ByteStream {
        ByteStream(name: "standard input", descriptor: STDIN_FILENO)
    }

    /// Waits for bytes and copies those that are there, at most as many as there is room for; 0 at the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TextError) -> Int {
        while true {
            let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 { return count }
            if errno != EINTR { throw .unreadable(file: name, reason: systemReason()) }
        }
    }
}

extension ByteStream {
    /// The beginning of a text, of whole characters unless tokens are bytes.
    ///
    /// - Parameters:
    ///   - count: How many bytes it may have.
    ///   - kind: What a token is.
    /// - Returns: The bytes, and whether that is all of the text.
    /// - Throws: `TextError` when it cannot be read, or is no UTF-8 that characters and words could be made of.
    package func beginning(
        _ count: Int, tokens kind: TokenKind
    ) throws(TextError) -> (bytes: [UInt8], isWhole: Bool) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count + 1, alignment: 1)
        defer { buffer.deallocate() }
        let found = try StreamSource(self).read(from: 0, into: buffer)
        var bytes = buffer.bindMemory(to: UInt8.self)[..<min(found, count)]
        if kind != .bytes {
            if found > count {
                bytes = bytes.prefix(UnsafeBufferPointer(rebasing: bytes).lastScalarBoundary())
            }
            if let invalid = UnsafeBufferPointer(rebasing: bytes).firstInvalidUTF8Offset() {
                throw .invalidUTF8(file: name, offset: invalid)
            }
            if bytes.starts(with: UnsafeBufferPointer.byteOrderMark) { bytes = bytes.dropFirst(3) }
        }
        return (Array(bytes), found <= count)
    }
}
