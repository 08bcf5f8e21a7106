/// Bytes that can be read more than once, from any offset.
protocol ByteSource {
    /// The number of bytes, as far as it is known before reading.
    var byteCount: Int { get }

    /// Copies bytes from an offset on until the buffer is full or the source ends, and returns how many.
    func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(TextError) -> Int
}

/// Bytes that are in memory already.
struct MemorySource: ByteSource {
    let bytes: UnsafeRawBufferPointer

    var byteCount: Int { bytes.count }

    func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let part = bytes[min(offset, bytes.count)...].prefix(buffer.count)
        buffer.copyBytes(from: part)
        return part.count
    }
}
