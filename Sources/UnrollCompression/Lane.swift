/// One of the parts of a block that are coded side by side, as far as it is known.
struct Lane {
    private(set) var bytes: [UInt8] = []
    /// Whether the last piece was what its token says.
    var wasUsual = true

    var lastByte: UInt8 { bytes.last ?? 0 }

    /// Adds bytes and takes their room; false when there was not so much.
    mutating func append(_ more: [UInt8], room: inout Int) -> Bool {
        room -= more.count
        guard room >= 0 else { return false }
        bytes += more
        return true
    }

    /// Adds a byte, if there is room.
    mutating func append(_ byte: UInt8, room: inout Int) {
        room -= 1
        if room >= 0 { bytes.append(byte) }
    }
}
