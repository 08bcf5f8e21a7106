/// Numbers distinct tokens in the order in which they are first inserted, by their bytes.
///
/// A `Dictionary` of strings would not do: Swift holds strings equal that are canonically equivalent, and it would
/// need a string for every occurrence of a token.
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
            for offset in 0..<token.count where bytes[start + offset] != token[offset] { return false }
            return true
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

    /// FNV-1a, stirred at the end so that the low bits depend on all bytes.
    @inline(__always)
    private static func hash(_ token: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in token { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return (hash ^ hash >> 29) &* 0xBF58_476D_1CE4_E5B9
    }
}
