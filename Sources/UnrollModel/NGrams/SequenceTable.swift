/// Sequences of tokens of one length, numbered from 0 in the order in which they are first seen.
///
/// The key of a sequence is the number of the sequence without its last token, and that token: 64 bits, whatever the
/// length of the sequence and the size of the vocabulary.
struct SequenceTable: Sendable {
    /// The keys by number.
    private(set) var keys: [UInt64] = []
    /// Open addressing: numbers plus one at or after the slots of their keys' hashes; 0 for an empty slot.
    private var slots = [UInt32](repeating: 0, count: 1 << 8)
    /// The number of leading bits of a hash that choose a slot.
    private var bits = 8

    /// The number of distinct sequences.
    var count: Int { keys.count }

    /// Numbers a sequence unless it has a number.
    ///
    /// `prefix` is the number of the sequence without its last token, or 0 if that is its only one.
    mutating func insert(prefix: Int, token: Int32) -> (number: Int, isNew: Bool) {
        let key = Self.key(prefix, token)
        let slot = slot(of: key)
        if slots[slot] != 0 { return (Int(slots[slot]) - 1, false) }
        keys.append(key)
        slots[slot] = UInt32(keys.count)
        if keys.count > slots.count / 2 { grow() }
        return (keys.count - 1, true)
    }

    /// The number of a key's sequence without the last token.
    static func prefix(of key: UInt64) -> Int { Int(key >> 32) }

    /// The last token of a key's sequence.
    static func token(of key: UInt64) -> Int32 { Int32(truncatingIfNeeded: key) }

    private static func key(_ prefix: Int, _ token: Int32) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: prefix)) << 32 | UInt64(UInt32(bitPattern: token))
    }

    /// The slot with a key's number, or the empty slot for it.
    private func slot(of key: UInt64) -> Int {
        // The golden ratio's digits spread neighbors (Knuth, The Art of Computer Programming, 6.4).
        var slot = Int((key &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - bits))
        while slots[slot] != 0, keys[Int(slots[slot]) - 1] != key {
            slot = (slot + 1) & (slots.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        bits += 1
        slots = [UInt32](repeating: 0, count: 1 << bits)
        for (number, key) in keys.enumerated() { slots[slot(of: key)] = UInt32(number + 1) }
    }
}
