/// Encodes pre-tokens, and remembers those that have occurred.
package struct BytePairEncoder: Sendable {
    let encoding: BytePairEncoding
    /// The pre-tokens that have occurred lately.
    private var known = TokenTable()
    /// Their ids, one after another, and where those of each end.
    private var knownIDs: [Int32] = []
    private var knownEnds: [Int] = []
    private var merger = PairMerger()

    /// The number of pre-tokens that are remembered; then all are forgotten.
    private static let knownLimit = 1 << 16
    /// The bytes of the longest pre-token that is remembered.
    private static let knownLength = 64

    /// Encodes by an encoding.
    package init(_ encoding: BytePairEncoding) {
        self.encoding = encoding
    }

    /// Calls `body` with the ids of a pre-token.
    @inline(__always)
    package mutating func encode(
        _ preToken: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<Int32>) -> Void
    ) {
        if let index = known.index(of: preToken) {
            let start = index == 0 ? 0 : knownEnds[index - 1]
            let end = knownEnds[index]
            knownIDs.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start..<end])) }
        } else {
            encodeNew(preToken, body)
        }
    }

    @inline(never)
    private mutating func encodeNew(
        _ preToken: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<Int32>) -> Void
    ) {
        merger.merge(preToken, by: encoding)
        if preToken.count <= Self.knownLength {
            if known.count == Self.knownLimit {
                known = TokenTable()
                knownIDs.removeAll(keepingCapacity: true)
                knownEnds.removeAll(keepingCapacity: true)
            }
            _ = known.insert(preToken)
            knownIDs += merger.ids
            knownEnds.append(knownIDs.count)
        }
        merger.ids.withUnsafeBufferPointer(body)
    }
}

/// Merges the pairs of one pre-token: always that of the lowest rank, and of those the first.
private struct PairMerger: Sendable {
    /// The ids of the last pre-token.
    private(set) var ids: [Int32] = []
    /// For each id, the rank of the pair that it begins; `noRank` if that is not merged.
    private var ranks: [Int] = []
    /// For each id, where the next and the one before are.
    private var next: [Int] = []
    private var previous: [Int] = []
    private var queue = PriorityQueue<UInt64>()

    private static let noRank = Int.max
    /// The ids up to which all ranks are looked through for each merge, which is faster than a queue.
    private static let shortLength = 48

    mutating func merge(_ preToken: UnsafeBufferPointer<UInt8>, by encoding: BytePairEncoding) {
        ids.removeAll(keepingCapacity: true)
        for byte in preToken { ids.append(BytePairEncoding.byteIDs[Int(byte)]) }
        ranks.removeAll(keepingCapacity: true)
        for index in ids.indices {
            ranks.append(index + 1 < ids.count ? rank(index, index + 1, encoding) : Self.noRank)
        }
        if ids.count <= Self.shortLength { mergeShort(by: encoding) } else { mergeLong(by: encoding) }
    }

    private func rank(_ left: Int, _ right: Int, _ encoding: BytePairEncoding) -> Int {
        encoding.rank(of: TokenPair(left: ids[left], right: ids[right])) ?? Self.noRank
    }

    private mutating func mergeShort(by encoding: BytePairEncoding) {
        while true {
            var (best, bestRank) = (0, Self.noRank)
            for (index, rank) in ranks.enumerated() where rank < bestRank { (best, bestRank) = (index, rank) }
            if bestRank == Self.noRank { return }
            ids[best] = encoding.result(ofRank: bestRank)
            ids.remove(at: best + 1)
            ranks.remove(at: best + 1)
            ranks[best] = best + 1 < ids.count ? rank(best, best + 1, encoding) : Self.noRank
            if best > 0 { ranks[best - 1] = rank(best - 1, best, encoding) }
        }
    }

    /// Merges by a queue of ranks and positions, in which some are of pairs that are not there any more.
    private mutating func mergeLong(by encoding: BytePairEncoding) {
        let count = ids.count
        next = Array(1...count)
        previous = Array(-1..<count - 1)
        queue.removeAll()
        for index in ids.indices { enqueue(index) }
        while let entry = queue.popFirst() {
            let (rank, index) = (Int(entry >> 32), Int(entry & 0xFFFF_FFFF))
            guard ranks[index] == rank else { continue }
            let merged = next[index]
            ids[index] = encoding.result(ofRank: rank)
            // No token is there any more.
            ids[merged] = 0
            ranks[merged] = Self.noRank
            next[index] = next[merged]
            if next[index] < count { previous[next[index]] = index }
            ranks[index] = next[index] < count ? self.rank(index, next[index], encoding) : Self.noRank
            enqueue(index)
            if previous[index] >= 0 {
                ranks[previous[index]] = self.rank(previous[index], index, encoding)
                enqueue(previous[index])
            }
        }
        ids.removeAll { $0 == 0 }
    }

    private mutating func enqueue(_ index: Int) {
        guard ranks[index] != Self.noRank else { return }
        queue.insert(UInt64(ranks[index]) << 32 | UInt64(index))
    }
}
