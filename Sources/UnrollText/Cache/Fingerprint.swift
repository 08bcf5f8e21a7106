/// The hash FNV-1a with 64 bits (Fowler, Noll and Vo), of numbers that come one after another.
///
/// It finds accidental changes, and is no protection from a person who looks for two texts with the same number.
struct FNV1a {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ value: UInt64) {
        self.value = (self.value ^ value) &* 0x0000_0100_0000_01B3
    }

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { add(UInt64(byte)) }
    }
}

/// A number that tells texts apart, made while their ids go by: the hash of a vocabulary's tokens and of the ids.
struct Fingerprint {
    private var hash = FNV1a()

    var value: UInt64 { hash.value }

    init(_ vocabulary: Vocabulary) {
        for id in vocabulary.table.indices {
            hash.add(vocabulary.table[id])
            hash.add(0x100)
        }
    }

    mutating func add(_ ids: some Sequence<some FixedWidthInteger>) {
        for id in ids { hash.add(UInt64(UInt32(truncatingIfNeeded: id))) }
    }
}
