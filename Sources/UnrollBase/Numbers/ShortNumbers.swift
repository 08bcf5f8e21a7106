extension RangeReplaceableCollection where Element == UInt8 {
    /// Appends a whole number in as few bytes as it needs: seven bits in each, the lowest first.
    ///
    /// The eighth bit is set in all bytes but the last. It is the `varint` of Protocol Buffers.
    package mutating func append(number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
