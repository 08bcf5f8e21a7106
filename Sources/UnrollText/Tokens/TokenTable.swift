/// Numbers distinct tokens in the order in which they are first inserted, by their bytes.
///
/// A `Dictionary` of strings would not do: canonically equivalent strings are equal in Swift, and every occurrence of
/// a token would need a string.
struct TokenTable: Sendable, Equatable {
    /// The bytes of all tokens, one after another.
    private var bytes: [UInt8] = []
    /// Where each token ends in `bytes`.
    private var ends: [Int] = []
    /// Open addressing: the high half of a token's hash, then its index plus one; 0 is an empty slot.
    private var slots = [UInt64](repeating: 0, count: 64)

    var count: Int { ends.count }
    var indices: Range<Int> { ends.indices }

    static func == (left: TokenTable, right: TokenTable) -> Bool {
        left.ends == right.ends && left.bytes == right.bytes
    }

    /// The bytes of the token with an index.
    subscript(index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
    }

    /// The index of a token, or nil when it has not been inserted.
    func index(of token: UnsafeBufferPointer<UInt8>) -> Int? {
        let (_, found) = find(token, hash: Self.hash(token))
        return found
    }

    func index(of token: some Collection<UInt8>) -> Int? {
        Array(token).withUnsafeBufferPointer { index(of: $0) }
    }

    /// Inserts a token unless it is there, and returns its index.
    mutating func insert(_ token: UnsafeBufferPointer<UInt8>) -> Int {
        let hash = Self.hash(token)
        let (slot, found) = find(token, hash: hash)
        if let found { return found }
        bytes.append(contentsOf: token)
        ends.append(bytes.count)
        slots[slot] = Self.entry(hash: hash, index: count - 1)
        if count * 2 > slots.count { grow() }
        return count - 1
    }

    mutating func insert(_ token: some Collection<UInt8>) -> Int {
        Array(token).withUnsafeBufferPointer { insert($0) }
    }

    /// The slot where the token is or would be, and its index when it is there.
    @inline(__always)
    private func find(_ token: UnsafeBufferPointer<UInt8>, hash: UInt64) -> (slot: Int, index: Int?) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash >> 32 {
                let index = Int(slots[slot] & 0xFFFF_FFFF) - 1
                if isEqual(token, at: index) { return (slot, index) }
            }
            slot = (slot + 1) & mask
        }
        return (slot, nil)
    }

    @inline(__always)
    private func isEqual(_ token: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        let start = index == 0 ? 0 : ends[index - 1]
        guard ends[index] - start == token.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            let other = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<ends[index]])
            let token = UnsafeRawBufferPointer(token)
            return token.count <= 16 ? token.shortContents == other.shortContents : token.elementsEqual(other)
        }
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        let mask = slots.count - 1
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            for index in ends.indices {
                let hash = Self.hash(UnsafeBufferPointer(rebasing: bytes[start..<ends[index]]))
                var slot = Int(truncatingIfNeeded: hash) & mask
                while slots[slot] != 0 { slot = (slot + 1) & mask }
                slots[slot] = Self.entry(hash: hash, index: index)
                start = ends[index]
            }
        }
    }

    private static func entry(hash: UInt64, index: Int) -> UInt64 {
        (hash & ~0xFFFF_FFFF) | UInt64(truncatingIfNeeded: index + 1) & 0xFFFF_FFFF
    }

    /// Eight bytes at a time: `(hash ^ bytes) * constant`, the two halves of the product folded into one.
    @inline(__always)
    private static func hash(_ token: UnsafeBufferPointer<UInt8>) -> UInt64 {
        func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
            let product = left.multipliedFullWidth(by: right)
            return product.high ^ product.low
        }
        var rest = UnsafeRawBufferPointer(token)
        var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: token.count)
        while rest.count > 16 {
            hash = mix(hash ^ rest.loadUnaligned(as: UInt64.self), 0xD6E8_FEB8_6659_FD93)
            rest = UnsafeRawBufferPointer(rebasing: rest[8...])
        }
        let (first, last) = rest.shortContents
        return mix(first ^ hash, last ^ 0xBF58_476D_1CE4_E5B9)
    }
}

extension UnsafeRawBufferPointer {
    /// Up to sixteen bytes as two numbers, which differ for bytes that differ when there are equally many of them.
    @inline(__always)
    fileprivate var shortContents: (UInt64, UInt64) {
        switch count {
        case 8...:
            (loadUnaligned(as: UInt64.self), loadUnaligned(fromByteOffset: count - 8, as: UInt64.self))
        case 4...:
            (
                UInt64(loadUnaligned(as: UInt32.self)),
                UInt64(loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            )
        case 1...:
            (UInt64(self[0]), UInt64(self[count / 2]) << 8 | UInt64(self[count - 1]))
        default:
            (0, 0)
        }
    }
}
