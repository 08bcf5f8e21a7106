/// The Philox4x32-10 bijection: ten rounds that turn a counter into random bits under a key.
package enum Philox {
    package typealias Counter = (UInt32, UInt32, UInt32, UInt32)

    package static func block(counter: Counter, key: (UInt32, UInt32)) -> Counter {
        var (x0, x1, x2, x3) = counter
        var (k0, k1) = key
        for _ in 0..<10 {
            let a = UInt64(x0) * 0xD251_1F53
            let b = UInt64(x2) * 0xCD9E_8D57
            (x0, x1, x2, x3) = (
                UInt32(b >> 32) ^ x1 ^ k0, UInt32(truncatingIfNeeded: b),
                UInt32(a >> 32) ^ x3 ^ k1, UInt32(truncatingIfNeeded: a)
            )
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return (x0, x1, x2, x3)
    }
}
