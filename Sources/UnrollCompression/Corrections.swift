import UnrollText

/// Codes the bytes of pieces whose token does not say what they are, by frequencies that are learned on the way.
///
/// Where a token has usual bytes, a flag says whether the piece is just these. If not, or after an escape, its bytes
/// follow one by one, each expected from the usual byte at its place or, beyond these, from the byte before.
struct Corrections {
    /// Whether a piece is as usual, by what came before.
    private var flags: [AdaptiveFrequencies]
    /// The next byte or the end, by the usual byte or the byte before.
    private var bytes: [AdaptiveFrequencies]
    /// The symbol behind the last byte of a piece.
    private static let end = 256

    init() {
        flags = (0..<1024).map { _ in AdaptiveFrequencies(symbolCount: 2) }
        bytes = (0..<512).map { AdaptiveFrequencies(symbolCount: 257, expecting: $0 < 256 ? $0 : nil) }
    }

    /// Codes one piece, which goes behind `lane`.
    ///
    /// - Parameters:
    ///   - piece: The bytes, if an encoder asks.
    ///   - usual: Those of its token, none for an escape.
    ///   - lane: What came before; the piece is added.
    ///   - coder: What codes it.
    ///   - room: How many bytes there may be, of which these are taken.
    /// - Returns: False when there is no room, as only damaged bytes make it.
    mutating func code(
        _ piece: ArraySlice<UInt8>, usually usual: [UInt8], behind lane: inout Lane,
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
