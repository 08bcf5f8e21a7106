import UnrollBase

/// The token ids of a text, in the fewest bytes that the vocabulary allows; a part shares its whole's memory.
///
/// The ids of a large text may be in a file, of which the system reads what is needed.
public struct TokenIDs: Sendable, Equatable, RandomAccessCollection {
    private enum Storage: Sendable {
        case bytes(IDMemory<UInt8>)
        case shorts(IDMemory<UInt16>)
        case words(IDMemory<UInt32>)
    }

    private let storage: Storage
    private let range: Range<Int>

    /// The position of the first id, always 0.
    public var startIndex: Int { 0 }
    /// The position after the last id.
    public var endIndex: Int { range.count }

    /// The id at a position.
    public subscript(position: Int) -> Int32 {
        precondition(position >= 0 && position < range.count, "position out of range")
        let index = range.lowerBound + position
        return switch storage {
        case .bytes(let ids): Int32(ids[index])
        case .shorts(let ids): Int32(ids[index])
        case .words(let ids): Int32(bitPattern: ids[index])
        }
    }

    private init(_ storage: Storage, range: Range<Int>) {
        self.storage = storage
        self.range = range
    }

    init(_ ids: [UInt8]) { self.init(.bytes(.array(ids)), range: ids.indices) }
    init(_ ids: [UInt16]) { self.init(.shorts(.array(ids)), range: ids.indices) }
    init(_ ids: [UInt32]) { self.init(.words(.array(ids)), range: ids.indices) }

    /// Takes ids at the beginning of a mapped file, which must hold that many; nil when ids are never that wide.
    init?(_ file: MappedFile, count: Int, bytesPerID: Int) {
        let storage: Storage? =
            switch bytesPerID {
            case 1: .bytes(.mapped(file))
            case 2: .shorts(.mapped(file))
            case 4: .words(.mapped(file))
            default: nil
            }
        guard let storage else { return nil }
        self.init(storage, range: 0..<count)
    }

    /// Stores ids that do not come from a corpus.
    public init(_ ids: some Collection<Int32>) {
        let all = ids.reduce(0 as UInt32) { $0 | UInt32(bitPattern: $1) }
        if all <= UInt8.max {
            self.init(ids.map { UInt8(truncatingIfNeeded: $0) })
        } else if all <= UInt16.max {
            self.init(ids.map { UInt16(truncatingIfNeeded: $0) })
        } else {
            self.init(ids.map { UInt32(bitPattern: $0) })
        }
    }

    /// Whether both hold the same ids, in whatever width.
    public static func == (left: TokenIDs, right: TokenIDs) -> Bool {
        left.elementsEqual(right)
    }

    /// The size of one id in bytes.
    package var bytesPerID: Int {
        switch storage {
        case .bytes: 1
        case .shorts: 2
        case .words: 4
        }
    }

    /// The number of occurrences of an id.
    package func occurrences(of id: Int32) -> Int {
        switch storage {
        case .bytes(let ids): Self.count(UInt8(truncatingIfNeeded: id), in: ids, range)
        case .shorts(let ids): Self.count(UInt16(truncatingIfNeeded: id), in: ids, range)
        case .words(let ids): Self.count(UInt32(bitPattern: id), in: ids, range)
        }
    }

    /// The ids at some positions, without a copy; positions in the part count from 0 again.
    package func part(_ positions: Range<Int>) -> TokenIDs {
        precondition(positions.lowerBound >= 0 && positions.upperBound <= count, "positions out of range")
        let start = range.lowerBound
        return TokenIDs(storage, range: start + positions.lowerBound..<start + positions.upperBound)
    }

    /// Writes the ids at some positions to `destination[0]`, `destination[stride]`, `destination[2 * stride]` ….
    package func copy(
        _ positions: Range<Int>, strideInto destination: UnsafeMutablePointer<Int32>, stride: Int
    ) {
        precondition(positions.lowerBound >= 0 && positions.upperBound <= count, "positions out of range")
        let start = range.lowerBound
        let range = start + positions.lowerBound..<start + positions.upperBound
        switch storage {
        case .bytes(let ids): Self.copy(ids, range, into: destination, stride)
        case .shorts(let ids): Self.copy(ids, range, into: destination, stride)
        case .words(let ids): Self.copy(ids, range, into: destination, stride)
        }
    }

    private static func count<ID>(_ id: ID, in ids: IDMemory<ID>, _ range: Range<Int>) -> Int {
        ids.withIDs(range) { ids in
            var count = 0
            for other in ids where other == id { count &+= 1 }
            return count
        }
    }

    private static func copy(
        _ ids: IDMemory<some FixedWidthInteger>, _ range: Range<Int>,
        into destination: UnsafeMutablePointer<Int32>, _ stride: Int
    ) {
        ids.withIDs(range) { ids in
            for offset in ids.indices {
                destination[offset &* stride] = Int32(truncatingIfNeeded: ids[offset])
            }
        }
    }
}

/// Ids of one width, in an array or at the beginning of a file that is mapped into memory.
private enum IDMemory<ID: FixedWidthInteger & Sendable>: Sendable {
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
