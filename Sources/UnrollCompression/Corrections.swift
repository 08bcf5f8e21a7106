import UnrollText

/// Codes the bytes of pieces that their token does not determine, with adaptive frequencies.
///
/// If a token has usual bytes, a flag says whether the piece is just these. If not, or after an escape, its bytes follow
/// one by one, each expected from the usual byte at its place or, beyond these, from the byte before.
struct Corrections {
    /// Whether a piece is as usual, by the byte and the flag before.
    private var flags: [AdaptiveFrequencies]
    /// The next byte or the end, by the usual byte or the byte before.
    private var bytes: [AdaptiveFrequencies]
    /// The symbol after the last byte of a piece.
    private static let end = 256

    init() {
        flags = (0..<1024).map { _ in AdaptiveFrequencies(symbolCount: 2) }
        bytes = (0..<512).map { AdaptiveFrequencies(symbolCount: 257, expecting: $0 < 256 ? $0 : nil) }
    }

    /// Codes one piece, which is appended to `lane`.
    ///
    /// - Parameters:
    ///   - piece: The bytes, for an encoder.
    ///   - usual: The usual bytes of its token, none for an escape.
    ///   - lane: The bytes before; the piece is added.
    ///   - coder: The coder.
    ///   - room: The number of bytes that there may be, from which these are taken.
    /// - Returns: False if there is no room, which happens with damaged bytes only.
    mutating func code(
        _ piece: ArraySlice<UInt8>, usually usual: [UInt8], after lane: inout Lane,
        with coder: inout some SymbolCoder, room: inout Int
    ) -> Bool {
        if !usual.isEmpty {
            let context =
                Int(lane.lastByte) << 2 | (lane.wasUsual ? 2 : 0) | (usual == [0x20] ? 1 : 0)
            lane.wasUsual = flags[context].code(piece.elementsEqual(usual) ? 1 : 0, with: &coder) == 1
            if lane.wasUsual { return lane.append(usual, room: &room) }
        }
        var index = 0
        while room >= 0 {
            let context = index < usual.count ? Int(usual[index]) : 256 | Int(lane.lastByte)
            let symbol = bytes[context].code(
                index < piece.count ? Int(piece[piece.startIndex + index]) : Self.end, with: &coder)
            if symbol == Self.end { return true }
            lane.append(UInt8(symbol), room: &room)
            index += 1
        }
        return false
    }
}

/// One of the parts of a block that are coded side by side, so far.
struct Lane {
    private(set) var bytes: [UInt8] = []
    /// Whether the last piece had the usual bytes of its token.
    var wasUsual = true

    var lastByte: UInt8 { bytes.last ?? 0 }

    /// Adds bytes and takes their room; false if there is not so much.
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
