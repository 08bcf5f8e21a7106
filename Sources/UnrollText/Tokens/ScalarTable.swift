/// A number for every Unicode scalar, 0 until it is set, in pages that are made when first written to.
struct ScalarTable {
    /// Where the page of 256 scalars begins in `values`, in pages; page 0 stays zero and serves all that are unset.
    private var pages = [UInt16](repeating: 0, count: 0x11_0000 >> 8)
    private var values = [Int](repeating: 0, count: 256)

    subscript(scalar: UInt32) -> Int {
        @inline(__always)
        get {
            values[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
        }
        @inline(__always)
        set {
            if pages[Int(scalar >> 8)] == 0 { addPage(of: scalar) }
            values[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)] = newValue
        }
    }

    /// The scalars with a value other than 0, in order.
    var nonzero: [(scalar: UInt32, value: Int)] {
        var entries: [(scalar: UInt32, value: Int)] = []
        for page in pages.indices where pages[page] != 0 {
            for scalar in UInt32(page) << 8..<UInt32(page + 1) << 8 where self[scalar] != 0 {
                entries.append((scalar, self[scalar]))
            }
        }
        return entries
    }

    @inline(never)
    private mutating func addPage(of scalar: UInt32) {
        pages[Int(scalar >> 8)] = UInt16(values.count >> 8)
        values.append(contentsOf: repeatElement(0, count: 256))
    }
}
