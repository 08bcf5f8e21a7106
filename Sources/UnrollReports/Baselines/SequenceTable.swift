/// Sequences of tokens of one length, numbered from 0 in the order in which they are first seen.
///
/// A sequence is known by the number of all of it but the last token, and that token: two halves of a key that fit 64
/// bits however long the sequence and however large the vocabulary are.
struct SequenceTable: Sendable {
    /// The keys by number.
    private(set) var keys: [UInt64] = []
    /// Numbers plus one where their keys' hashes say, or behind; 0 for none.
    private var slots = [UInt32](repeating: 0, count: 1 << 8)
    /// Leading bits of a hash that choose a slot.
    private var bits = 8

    /// The number of distinct sequences.
    var count: Int { keys.count }

    /// The number of a sequence, or nil when it has not been seen.
    ///
    /// `prefix` is the number of the sequence without its last token, 0 when nothing is before that.
    func number(prefix: Int, token: Int32) -> Int? {
        let key = Self.key(prefix, token)
        let number = Int(slots[slot(of: key)])
        return number == 0 ? nil : number - 1
    }

    /// Numbers a sequence, unless it has a number.
    mutating func insert(prefix: Int, token: Int32) -> (number: Int, isNew: Bool) {
        let key = Self.key(prefix, token)
        let slot = slot(of: key)
        if slots[slot] != 0 { return (Int(slots[slot]) - 1, false) }
        keys.append(key)
        slots[slot] = UInt32(keys.count)
        if keys.count > slots.count / 2 { grow() }
        return (keys.count - 1, true)
    }

    /// The number of the sequence that a key leaves the last token out of.
    static func prefix(of key: UInt64) -> Int { Int(key >> 32) }

    private static func key(_ prefix: Int, _ token: Int32) -> UInt64 {
        UInt64(UInt32(truncatingIfNeeded: prefix)) << 32 | UInt64(UInt32(bitPattern: token))
    }

    /// The slot that holds a key's number, or the empty one that would.
    private func slot(of key: UInt64) -> Int {
        // The golden ratio's digits spread neighbors apart (Knuth, The Art of Computer Programming, 6.4).
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
