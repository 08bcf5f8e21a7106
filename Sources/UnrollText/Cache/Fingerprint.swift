/// A number that tells texts apart, made while their ids go by: FNV-1a of a vocabulary's tokens and of the ids.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    init(_ vocabulary: Vocabulary) {
        for id in vocabulary.table.indices {
            for byte in vocabulary.table[id] { add(UInt64(byte)) }
            add(0x100)
        }
    }

    mutating func add(_ ids: some Sequence<some FixedWidthInteger>) {
        for id in ids { add(UInt64(UInt32(truncatingIfNeeded: id))) }
    }

    private mutating func add(_ value: UInt64) {
        self.value = (self.value ^ value) &* 0x0000_0100_0000_01B3
    }
}
