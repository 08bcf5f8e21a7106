/// Reading UTF-8 a run of ASCII or one scalar at a time.
extension UnsafeBufferPointer<UInt8> {
    /// Checks that the bytes at an offset of a file are UTF-8, and returns the length of a byte-order mark before them.
    ///
    /// Some programs put the mark at the beginning of a file to say that it is UTF-8; it is not part of the text.
    ///
    /// - Throws: `invalidUTF8`, or `otherFormat` if the beginning of the file says what it is.
    package func textStart(in file: String, at offset: Int) throws(TextError) -> Int {
        let invalid = firstInvalidUTF8Offset()
        if offset == 0, let format = FileFormat(of: self, isUTF8: invalid == nil) {
            throw .otherFormat(file: file, format)
        }
        if let invalid { throw .invalidUTF8(file: file, offset: offset + invalid) }
        return offset == 0 ? byteOrderMarkLength : 0
    }

    /// The length of the byte-order mark at the beginning, 0 when there is none.
    var byteOrderMarkLength: Int {
        count >= 3 && self[0] == 0xEF && self[1] == 0xBB && self[2] == 0xBF ? 3 : 0
    }

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

    /// The scalar whose first byte, not an ASCII one, is at `index`, which moves past it; the text must be valid.
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

    /// The length of the valid sequence of two to four bytes at `index` (Unicode standard, table 3-7); nil if there is
    /// none.
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

    /// The number of bytes before an incomplete sequence at the end, which more bytes could complete.
    package func lastScalarBoundary() -> Int {
        for length in 1...3 where length <= count {
            let byte = self[count - length]
            if byte & 0xC0 != 0x80 {
                return Self.sequenceLength(after: byte) > length ? count - length : count
            }
        }
        return count
    }

    /// The number of bytes up to the last white space, which a word follows that more bytes could continue; all of them
    /// where there is no white space.
    func lastWordBoundary() -> Int {
        for index in indices.reversed() where self[index] & 0xC0 != 0x80 {
            let length = whiteSpaceLength(at: index)
            if length > 0 { return index + length }
        }
        return count
    }

    /// The length of the sequences that begin with a byte; 1 for those that begin no longer one.
    private static func sequenceLength(after first: UInt8) -> Int {
        switch first {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    /// The number of scalars in a valid text.
    func scalarCount() -> Int {
        var count = 0
        for byte in self where byte & 0xC0 != 0x80 { count += 1 }
        return count
    }

    /// The length of the white space (Unicode's White_Space) at `index` of a valid text, 0 when there is none.
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
