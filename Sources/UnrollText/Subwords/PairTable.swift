/// Two neighboring tokens.
package struct TokenPair: Hashable, Sendable, Comparable {
    /// The id of the first.
    package var left: Int32
    /// The id of the second.
    package var right: Int32

    /// Two neighbors by their ids.
    package init(left: Int32, right: Int32) {
        self.left = left
        self.right = right
    }

    /// Both ids in one number; never 0, as no token of a pair is `<unk>`.
    var key: UInt64 { UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right)) }

    /// Whether the ids of the first pair are lower, the left ones first.
    package static func < (left: TokenPair, right: TokenPair) -> Bool { left.key < right.key }
}

/// A number for each of some pairs of tokens, found by open addressing.
struct PairTable: Sendable {
    private var keys = [UInt64](repeating: 0, count: 64)
    private var values = [Int](repeating: 0, count: 64)
    private var count = 0

    /// The value of a pair; nil if none was set.
    subscript(pair: TokenPair) -> Int? {
        @inline(__always)
        get {
            let slot = slot(of: pair.key)
            return keys[slot] == 0 ? nil : values[slot]
        }
    }

    /// Sets the value of a pair that has none.
    ///
    /// - Returns: The value that the pair has then: the new one, or that which it had.
    mutating func insert(_ pair: TokenPair, _ value: @autoclosure () -> Int) -> Int {
        let slot = slot(of: pair.key)
        guard keys[slot] == 0 else { return values[slot] }
        let value = value()
        keys[slot] = pair.key
        values[slot] = value
        count += 1
        if count * 2 > keys.count { grow() }
        return value
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: key &* 0x9E37_79B9_7F4A_7C15 >> 32) & mask
        while keys[slot] != 0, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        let old = (keys: keys, values: values)
        keys = [UInt64](repeating: 0, count: old.keys.count * 2)
        values = [Int](repeating: 0, count: old.keys.count * 2)
        for (key, value) in zip(old.keys, old.values) where key != 0 {
            let slot = slot(of: key)
            keys[slot] = key
            values[slot] = value
        }
    }
}

/// A queue that gives out the least of its elements first: a binary heap.
struct PriorityQueue<Element: Comparable & Sendable>: Sendable {
    private var heap: [Element] = []

    init() {}

    mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

    mutating func insert(_ element: Element) {
        heap.append(element)
        var index = heap.count - 1
        while index > 0, heap[index] < heap[(index - 1) / 2] {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// Takes out the least element; nil when there is none.
    mutating func popFirst() -> Element? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        var index = 0
        while true {
            var child = 2 * index + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            if !(heap[child] < last) { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = last
        return first
    }
}
