/// How often each byte occurs.
///
/// Neighbors count into four separate rows: a run of one byte would otherwise wait for its own last addition.
struct ByteHistogram {
    private var rows = [Int](repeating: 0, count: 4 * 256)

    subscript(byte: Int) -> Int {
        rows[byte] + rows[256 + byte] + rows[512 + byte] + rows[768 + byte]
    }

    mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        rows.withUnsafeMutableBufferPointer { rows in
            var index = 0
            while index + 4 <= bytes.count {
                rows[Int(bytes[index])] &+= 1
                rows[256 &+ Int(bytes[index &+ 1])] &+= 1
                rows[512 &+ Int(bytes[index &+ 2])] &+= 1
                rows[768 &+ Int(bytes[index &+ 3])] &+= 1
                index &+= 4
            }
            while index < bytes.count {
                rows[Int(bytes[index])] &+= 1
                index &+= 1
            }
        }
    }
}
