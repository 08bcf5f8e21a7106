/// The hash function SHA-256 (FIPS 180-4, sections 5 and 6.2) of bytes that arrive in pieces.
///
/// A value: a copy continues independently, and ``finalize()`` leaves the hash as it is, so that the digest of the bytes
/// so far can be read at any time.
package struct SHA256: Sendable {
    /// The number of bytes in a digest.
    package static let digestSize = 32
    private static let blockSize = 64

    /// The hash value after the whole blocks so far.
    ///
    /// It starts as the fractional parts of the square roots of the first 8 primes (section 5.3.3).
    private var state = SIMD8<UInt32>(
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
        0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
    /// The first `byteCount % 64` bytes belong to a block that is not yet complete.
    private var block = SIMD64<UInt8>()
    private var byteCount: UInt64 = 0

    /// The hash of no bytes.
    package init() {}

    /// Appends bytes to the message.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        let filled = Int(byteCount % UInt64(Self.blockSize))
        byteCount += UInt64(bytes.count)
        if filled > 0 {
            let piece = rest.prefix(Self.blockSize - filled)
            fill(from: filled, with: piece)
            guard filled + piece.count == Self.blockSize else { return }
            compressBlock()
            rest = rest.dropFirst(piece.count)
        }
        let whole = rest.prefix(rest.count - rest.count % Self.blockSize)
        Self.compress(UnsafeRawBufferPointer(rebasing: whole), into: &state)
        fill(from: 0, with: rest.dropFirst(whole.count))
    }

    /// Appends bytes to the message.
    package mutating func update(_ bytes: some Sequence<UInt8>) {
        let done: Void? = bytes.withContiguousStorageIfAvailable { update(UnsafeRawBufferPointer($0)) }
        if done == nil {
            Array(bytes).withUnsafeBytes { update($0) }
        }
    }

    /// The digest of all bytes so far, 32 bytes.
    package func finalize() -> [UInt8] {
        var last = self
        last.pad()
        return (0..<Self.digestSize).map { index in
            UInt8(truncatingIfNeeded: last.state[index / 4] >> UInt32(24 - 8 * (index % 4)))
        }
    }

    /// Completes the message: a one bit, zeros, and its length in bits as the last 8 bytes of a block (section 5.1.1).
    private mutating func pad() {
        let filled = Int(byteCount % UInt64(Self.blockSize))
        let lengthStart = Self.blockSize - 8
        for index in filled..<Self.blockSize { block[index] = 0 }
        block[filled] = 0x80
        if filled >= lengthStart {
            compressBlock()
            block = SIMD64()
        }
        let bitCount = byteCount &* 8
        for index in 0..<8 {
            block[lengthStart + index] = UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * index))
        }
        compressBlock()
    }

    private mutating func fill(from start: Int, with bytes: Slice<UnsafeRawBufferPointer>) {
        withUnsafeMutableBytes(of: &block) { block in
            block[start...].copyBytes(from: bytes)
        }
    }

    private mutating func compressBlock() {
        withUnsafeBytes(of: block) { Self.compress($0, into: &state) }
    }
}

// The compression function (section 6.2.2). Its letters are those of the standard.
extension SHA256 {
    /// The fractional parts of the cube roots of the first 64 primes (section 4.2.2).
    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5,
        0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3,
        0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc,
        0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
        0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13,
        0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3,
        0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5,
        0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208,
        0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]

    /// Mixes whole blocks into the hash value.
    private static func compress(_ blocks: UnsafeRawBufferPointer, into state: inout SIMD8<UInt32>) {
        guard !blocks.isEmpty else { return }
        var (a0, b0, c0, d0) = (state[0], state[1], state[2], state[3])
        var (e0, f0, g0, h0) = (state[4], state[5], state[6], state[7])
        constants.withUnsafeBufferPointer { k in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
                for start in stride(from: 0, to: blocks.count, by: blockSize) {
                    for t in 0..<16 {
                        let word = blocks.loadUnaligned(fromByteOffset: start + 4 * t, as: UInt32.self)
                        w[t] = UInt32(bigEndian: word)
                    }
                    for t in 16..<64 {
                        w[t] = schedule1(w[t - 2]) &+ w[t - 7] &+ schedule0(w[t - 15]) &+ w[t - 16]
                    }
                    var (a, b, c, d, e, f, g, h) = (a0, b0, c0, d0, e0, f0, g0, h0)
                    // Eight rounds a turn: the words change their roles instead of their places.
                    for t in stride(from: 0, to: 64, by: 8) {
                        round(a, b, c, &d, e, f, g, &h, k[t] &+ w[t])
                        round(h, a, b, &c, d, e, f, &g, k[t + 1] &+ w[t + 1])
                        round(g, h, a, &b, c, d, e, &f, k[t + 2] &+ w[t + 2])
                        round(f, g, h, &a, b, c, d, &e, k[t + 3] &+ w[t + 3])
                        round(e, f, g, &h, a, b, c, &d, k[t + 4] &+ w[t + 4])
                        round(d, e, f, &g, h, a, b, &c, k[t + 5] &+ w[t + 5])
                        round(c, d, e, &f, g, h, a, &b, k[t + 6] &+ w[t + 6])
                        round(b, c, d, &e, f, g, h, &a, k[t + 7] &+ w[t + 7])
                    }
                    (a0, b0, c0, d0) = (a0 &+ a, b0 &+ b, c0 &+ c, d0 &+ d)
                    (e0, f0, g0, h0) = (e0 &+ e, f0 &+ f, g0 &+ g, h0 &+ h)
                }
            }
        }
        state = SIMD8(a0, b0, c0, d0, e0, f0, g0, h0)
    }

    /// One round: `h` becomes the new `a`, `d` the new `e`.
    @inline(__always)
    private static func round(
        _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
        _ h: inout UInt32, _ input: UInt32
    ) {
        let choice = g ^ (e & (f ^ g))
        let majority = (a & b) | (c & (a | b))
        let sum = h &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ choice &+ input
        d = d &+ sum
        h = sum &+ (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
    }

    @inline(__always)
    private static func schedule0(_ word: UInt32) -> UInt32 {
        rotated(word, 7) ^ rotated(word, 18) ^ (word &>> 3)
    }

    @inline(__always)
    private static func schedule1(_ word: UInt32) -> UInt32 {
        rotated(word, 17) ^ rotated(word, 19) ^ (word &>> 10)
    }

    @inline(__always)
    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
        (word &>> count) | (word &<< (32 &- count))
    }
}
