/// Reading UTF-8 a run of ASCII or one scalar at a time.
extension UnsafeBufferPointer<UInt8> {
    /// What some programs put before a text to say that it is UTF-8.
    static var byteOrderMark: [UInt8] { [0xEF, 0xBB, 0xBF] }

    /// The end of the run of ASCII bytes that begins at `start`.
    func asciiRunEnd(from start: Int) -> Int {
        let bytes = UnsafeRawBufferPointer(self)
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var end = start
        while end + 32 <= count {
            let a = bytes.loadUnaligned(fromByteOffset: end, as: UInt64.self)
            let b = bytes.loadUnaligned(fromByteOffset: end + 8, as: UInt64.self)
            let c = bytes.loadUnaligned(fromByteOffset: end + 16, as: UInt64.self)
            let d = bytes.loadUnaligned(fromByteOffset: end + 24, as: UInt64.self)
            if (a | b | c | d) & highBits != 0 { break }
            end += 32
        }
        while end < count, self[end] < 0x80 { end += 1 }
        return end
    }

    /// The scalar whose first byte, not an ASCII one, is at `index`, which moves behind it; the text is valid.
    @inline(__always)
    package func nextScalar(at index: inout Int) -> UInt32 {
        let first = UInt32(self[index])
        let second = UInt32(self[index + 1]) & 0x3F
        if first < 0xE0 {
            index += 2
            return (first & 0x1F) << 6 | second
        }
        let third = UInt32(self[index + 2]) & 0x3F
        if first < 0xF0 {
            index += 3
            return (first & 0x0F) << 12 | second << 6 | third
        }
        let fourth = UInt32(self[index + 3]) & 0x3F
        index += 4
        return (first & 0x07) << 18 | second << 12 | third << 6 | fourth
    }

    /// The offset of the first byte that does not begin a valid sequence, or nil when all of the text is UTF-8.
    func firstInvalidUTF8Offset() -> Int? {
        var index = 0
        while true {
            index = asciiRunEnd(from: index)
            while index < count, self[index] >= 0x80 {
                guard let length = validSequenceLength(at: index) else { return index }
                index += length
            }
            if index == count { return nil }
        }
    }

    /// The length of the sequence of two to four bytes at `index`: table 3-7 of the Unicode standard.
    @inline(__always)
    package func validSequenceLength(at index: Int) -> Int? {
        let first = self[index]
        guard index + 1 < count else { return nil }
        let second = self[index + 1]
        if first < 0xE0 {
            return first >= 0xC2 && second & 0xC0 == 0x80 ? 2 : nil
        }
        guard index + 2 < count, self[index + 2] & 0xC0 == 0x80 else { return nil }
        if first < 0xF0 {
            let lowest: UInt8 = first == 0xE0 ? 0xA0 : 0x80  // below: overlong
            let highest: UInt8 = first == 0xED ? 0x9F : 0xBF  // above: surrogates
            return second >= lowest && second <= highest ? 3 : nil
        }
        guard index + 3 < count, self[index + 3] & 0xC0 == 0x80 else { return nil }
        let lowest: UInt8 = first == 0xF0 ? 0x90 : 0x80  // below: overlong
        let highest: UInt8 = first == 0xF4 ? 0x8F : 0xBF  // above: beyond U+10FFFF
        return first <= 0xF4 && second >= lowest && second <= highest ? 4 : nil
    }

    /// The number of bytes before a sequence that goes on behind the end, all bytes when there is none.
    func lastScalarBoundary() -> Int {
        for length in 1...3 where length <= count {
            let byte = self[count - length]
            if byte & 0xC0 != 0x80 {
                let needed = byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
                return needed > length ? count - length : count
            }
        }
        return count
    }

    /// The number of scalars in a valid text.
    func scalarCount() -> Int {
        var count = 0
        for byte in self where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    /// The length of the white space (Unicode's White_Space) at `index`, 0 when something else is there.
    @inline(__always)
    func whiteSpaceLength(at index: Int) -> Int {
        let byte = self[index]
        if byte < 0x80 { return byte == 0x20 || (0x09...0x0D).contains(byte) ? 1 : 0 }
        // The others are in the blocks of U+0080, U+1680, U+2000 and U+3000.
        guard byte == 0xC2 || (0xE1...0xE3).contains(byte) else { return 0 }
        var end = index
        guard let scalar = Unicode.Scalar(nextScalar(at: &end)), scalar.properties.isWhitespace else {
            return 0
        }
        return end - index
    }
}
