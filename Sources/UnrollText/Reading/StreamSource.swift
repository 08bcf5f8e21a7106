/// A stream as the source of a text that is read once: an offset lies where the last bytes ended, or three before.
final class StreamSource: ByteSource {
    private let stream: ByteStream
    /// Bytes read so far.
    private var position = 0
    /// The last of them, which are read again when they begin a scalar.
    private var last: [UInt8] = []

    init(_ stream: ByteStream) {
        self.stream = stream
    }

    var byteCount: Int { stream.byteCount }

    func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(TextError) -> Int {
        var filled = position - offset
        buffer.copyBytes(from: last.suffix(filled))
        while filled < buffer.count {
            let count = try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            if count == 0 { break }
            filled += count
        }
        position = offset + filled
        last = Array(buffer[..<filled].suffix(3))
        return filled
    }
}
