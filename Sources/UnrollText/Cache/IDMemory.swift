import UnrollBase

/// Ids of one width: in an array, or at the beginning of a file that is mapped into memory.
enum IDMemory<ID: FixedWidthInteger & Sendable>: Sendable {
    case array([ID])
    case mapped(MappedFile)

    subscript(index: Int) -> ID {
        switch self {
        case .array(let ids): ids[index]
        case .mapped(let file): file.bytes.load(fromByteOffset: index * MemoryLayout<ID>.size, as: ID.self)
        }
    }

    /// Calls `body` with the ids at some positions.
    func withIDs<Result>(_ range: Range<Int>, _ body: (UnsafeBufferPointer<ID>) -> Result) -> Result {
        switch self {
        case .array(let ids):
            return ids.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
        case .mapped(let file):
            let bytes = file.bytes[
                range.lowerBound * MemoryLayout<ID>.size..<range.upperBound * MemoryLayout<ID>.size]
            let result = UnsafeRawBufferPointer(rebasing: bytes).withMemoryRebound(to: ID.self, body)
            file.didRead(bytes.count)
            return result
        }
    }
}
