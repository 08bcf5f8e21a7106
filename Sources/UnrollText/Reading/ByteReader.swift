import Foundation
import UnrollBase

/// The bytes of a text, read once and in order: of a file, a pipe, a terminal or memory.
///
/// A file is read a piece at a time rather than mapped into memory. That is as fast, holds no pages, and a file that
/// shrinks meanwhile ends early instead of killing the process.
package final class ByteReader {
    /// The name of the text in errors.
    package let name: String
    /// The number of bytes, 0 when it is not known before reading.
    package let byteCount: Int
    private let source: Source
    /// The bytes of memory that have been read.
    private var position = 0

    private enum Source {
        case file(InputFile)
        case array([UInt8])
        case memory(UnsafeRawBufferPointer)
    }

    private init(_ source: Source, name: String, byteCount: Int) {
        self.source = source
        self.name = name
        self.byteCount = byteCount
    }

    /// Opens a file, a pipe or a device.
    ///
    /// - Throws: `fileNotFound`, `isDirectory` or `unreadable`.
    package convenience init(contentsOf url: URL) throws(TextError) {
        guard url.isFileURL else {
            throw .unreadable(file: url.absoluteString, reason: "not a file URL")
        }
        let name = url.relativePath
        let (file, status): (InputFile, FileStatus)
        do throws(SystemError) {
            file = try InputFile(name)
            status = try file.status()
        } catch {
            throw TextError(error, reading: name)
        }
        guard status.kind != .folder else { throw .isDirectory(file: name) }
        self.init(.file(file), name: name, byteCount: status.size)
    }

    /// Reads bytes that are in memory already.
    convenience init(_ bytes: [UInt8], name: String) {
        self.init(.array(bytes), name: name, byteCount: bytes.count)
    }

    /// Reads memory that outlives the reader.
    convenience init(_ bytes: UnsafeRawBufferPointer, name: String) {
        self.init(.memory(bytes), name: name, byteCount: bytes.count)
    }

    /// The standard input of this process.
    package static var standardInput: ByteReader {
        ByteReader(.file(.standardInput), name: "standard input", byteCount: 0)
    }

    /// Waits for bytes and copies those that are there, at most as many as there is room for; 0 at the end.
    ///
    /// - Throws: `unreadable`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(TextError) -> Int {
        switch source {
        case .file(let file):
            do throws(SystemError) {
                return try file.read(into: buffer)
            } catch {
                throw TextError(error, reading: name)
            }
        case .array(let bytes):
            return bytes.withUnsafeBytes { copy($0, into: buffer) }
        case .memory(let bytes):
            return copy(bytes, into: buffer)
        }
    }

    /// Copies bytes until the buffer is full or the text ends, and returns how many.
    ///
    /// - Throws: `unreadable`.
    package func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(TextError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// All bytes up to the end.
    ///
    /// - Throws: `unreadable`.
    package func readToEnd() throws(TextError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
        defer { buffer.deallocate() }
        var bytes: [UInt8] = []
        while true {
            let count = try read(into: buffer)
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    private func copy(_ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = bytes[position...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        position += part.count
        return part.count
    }
}

extension ByteReader {
    /// The beginning of the text, made of whole characters unless tokens are bytes or subwords, and of whole words where
    /// they are.
    ///
    /// - Parameters:
    ///   - count: The greatest number of bytes.
    ///   - kind: What a token is.
    /// - Returns: The bytes without a byte-order mark, and whether they are all of the text.
    /// - Throws: `unreadable`, or `invalidUTF8` for characters and words.
    package func beginning(
        _ count: Int, tokens kind: TokenKind
    ) throws(TextError) -> (bytes: [UInt8], isWhole: Bool) {
        let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: count + 1)
        defer { buffer.deallocate() }
        let found = try fill(UnsafeMutableRawBufferPointer(buffer))
        var bytes = UnsafeBufferPointer(rebasing: buffer[..<min(found, count)])
        if !kind.isBytewise {
            if found > count { bytes = UnsafeBufferPointer(rebasing: bytes[..<bytes.lastScalarBoundary()]) }
            bytes = UnsafeBufferPointer(rebasing: bytes[try bytes.textStart(in: name, at: 0)...])
        }
        if kind == .words, found > count {
            bytes = UnsafeBufferPointer(rebasing: bytes[..<bytes.lastWordBoundary()])
        }
        return (Array(bytes), found <= count)
    }
}

extension TextError {
    /// Says that a file could not be opened or read.
    fileprivate init(_ error: SystemError, reading name: String) {
        self =
            error.isFileNotFound ? .fileNotFound(file: name) : .unreadable(file: name, reason: error.reason)
    }
}
