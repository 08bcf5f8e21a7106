import UnrollBase

/// Damage of the kinds that disks, networks and people do to files, drawn from a source.
package struct Mutation {
    private var source: RandomSource
    private static let extremes: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x2D, 0x30, 0x39, 0x5B, 0x7B]

    package init(seed: Int) {
        source = RandomSource(seed: UInt64(seed), purpose: .generation)
    }

    /// The bytes with one to three changes, of which some may do nothing.
    package mutating func apply(to bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...source.integer(below: 3) { change(&bytes) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return bytes.append(randomByte()) }
        // Half of all changes are near the beginning, where headers are.
        let place = source.integer(
            below: source.integer(below: 2) == 0 ? min(64, bytes.count) : bytes.count)
        let range = place..<place + source.integer(below: min(40, bytes.count - place) + 1)
        switch source.integer(below: 9) {
        case 0, 1: bytes[place] ^= 1 << UInt8(source.integer(below: 8))
        case 2: bytes[place] = Self.extremes[source.integer(below: Self.extremes.count)]
        case 3: bytes.removeLast(bytes.count - place)
        case 4: bytes.removeSubrange(range)
        case 5: bytes.insert(contentsOf: bytes[range], at: source.integer(below: bytes.count + 1))
        case 6: bytes.insert(contentsOf: range.map { _ in randomByte() }, at: place)
        case 7:
            let value = Self.extremes[source.integer(below: Self.extremes.count)]
            for index in range { bytes[index] = value }
        default: growNumber(in: &bytes, from: place)
        }
    }

    private mutating func randomByte() -> UInt8 { UInt8(source.integer(below: 256)) }

    /// Makes the next number in digits one that is larger than any, negative, or broken.
    private mutating func growNumber(in bytes: inout [UInt8], from place: Int) {
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = bytes[place...].firstIndex(where: digits.contains) else { return }
        let numbers = [
            "-1", "0", "9223372036854775807", "99999999999999999999", "1e400", "1.5", "4294967296", "65536",
        ]
        let number = numbers[source.integer(below: numbers.count)]
        let end = bytes[first...].firstIndex { !digits.contains($0) } ?? bytes.endIndex
        bytes.replaceSubrange(first..<end, with: number.utf8)
    }
}
