/// Finds the merges of a text: again and again the most frequent pair of neighboring tokens.
///
/// Of equally frequent pairs, the one with the lower ids comes first, as in Hugging Face's `tokenizers`. A pair is
/// counted wherever it is, so that "aaa" has "aa" twice.
package struct BytePairTrainer {
    private var encoding = BytePairEncoding()
    /// The tokens of all pre-tokens, one after another; 0 where a token was merged with the one before.
    private var tokens: [Int32] = []
    /// For each token, where the next and the one before in its pre-token are; `none` at the ends.
    private var next: [Int32] = []
    private var previous: [Int32] = []
    /// For each token, the number of its pre-token.
    private var owners: [Int32] = []
    /// Occurrences of each pre-token.
    private let counts: [Int]

    private static let none: Int32 = -1

    /// The pairs that have occurred, by their keys.
    private var numbers = PairTable()
    private var pairs: [TokenPair] = []
    /// Occurrences of each pair now.
    private var pairCounts: [Int] = []
    /// Where each pair has occurred, and may not any more.
    private var places: [[Int32]] = []
    /// The pairs that gained occurrences in the last merge.
    private var grown: [Int] = []
    private var queue = PriorityQueue<Candidate>()

    /// A pair with its occurrences when it was put into the queue; the most frequent is the least.
    private struct Candidate: Comparable, Sendable {
        let count: Int
        let pair: TokenPair
        let number: Int

        static func < (left: Candidate, right: Candidate) -> Bool {
            left.count == right.count ? left.pair < right.pair : left.count > right.count
        }
    }

    /// Finds the merges of a text.
    ///
    /// - Parameters:
    ///   - counts: The pre-tokens of the text.
    ///   - size: The number of tokens to end with, those without merges included.
    ///   - minimumFrequency: The occurrences below which a pair is not merged.
    /// - Returns: The encoding, with fewer tokens when there are no more pairs.
    package static func encoding(
        of counts: PreTokenCounts, size: Int, minimumFrequency: Int
    ) -> BytePairEncoding {
        var trainer = BytePairTrainer(counts)
        trainer.merge(to: size, minimumFrequency: minimumFrequency)
        return trainer.encoding
    }

    private init(_ counts: PreTokenCounts) {
        self.counts = counts.counts
        for owner in counts.table.indices {
            let first = Int32(tokens.count)
            for byte in counts.table[owner] {
                let index = Int32(tokens.count)
                tokens.append(BytePairEncoding.byteIDs[Int(byte)])
                previous.append(index == first ? Self.none : index - 1)
                next.append(index + 1)
                owners.append(Int32(owner))
            }
            if tokens.count > first { next[tokens.count - 1] = Self.none }
        }
        for index in tokens.indices where next[index] != Self.none {
            change(tokens[index], tokens[index + 1], by: self.counts[Int(owners[index])], at: Int32(index))
        }
        enqueueGrown()
    }

    private mutating func merge(to size: Int, minimumFrequency: Int) {
        while encoding.tokens.count < size, let best = queue.popFirst() {
            let count = pairCounts[best.number]
            if count < best.count {
                // It has lost occurrences to other merges since.
                if count >= minimumFrequency { enqueue(best.number) }
                continue
            }
            guard count >= max(minimumFrequency, 1) else { return }
            // A merged pair has occurrences again where another pair makes one of its tokens.
            guard let token = encoding.result(of: best.pair) ?? encoding.add(best.pair) else { continue }
            var found = places[best.number]
            places[best.number] = []
            // Of pairs that overlap, the first is merged.
            found.sort()
            for place in found { merge(best.pair, into: token, at: place) }
            enqueueGrown()
        }
    }

    /// Merges a pair at a place, if it is still there.
    private mutating func merge(_ pair: TokenPair, into token: Int32, at place: Int32) {
        let index = Int(place)
        guard tokens[index] == pair.left, next[index] != Self.none else { return }
        let other = Int(next[index])
        guard tokens[other] == pair.right else { return }
        let count = counts[Int(owners[index])]
        change(pair.left, pair.right, by: -count, at: place)
        let (before, after) = (previous[index], next[other])
        tokens[index] = token
        tokens[other] = 0
        next[index] = after
        if before != Self.none {
            change(tokens[Int(before)], pair.left, by: -count, at: before)
            change(tokens[Int(before)], token, by: count, at: before)
        }
        if after != Self.none {
            previous[Int(after)] = place
            change(pair.right, tokens[Int(after)], by: -count, at: place)
            change(token, tokens[Int(after)], by: count, at: place)
        }
    }

    /// Changes the occurrences of a pair, at a place if there are more.
    private mutating func change(_ left: Int32, _ right: Int32, by change: Int, at place: Int32) {
        let pair = TokenPair(left: left, right: right)
        let number = numbers.insert(pair, pairs.count)
        if number == pairs.count {
            pairs.append(pair)
            pairCounts.append(0)
            places.append([])
        }
        pairCounts[number] += change
        guard change > 0 else { return }
        grown.append(number)
        places[number].append(place)
    }

    private mutating func enqueueGrown() {
        // Equal candidates would do no harm, but there can be many.
        grown.sort()
        var last = -1
        for number in grown where number != last {
            enqueue(number)
            last = number
        }
        grown.removeAll(keepingCapacity: true)
    }

    private mutating func enqueue(_ number: Int) {
        guard pairCounts[number] > 0 else { return }
        queue.insert(Candidate(count: pairCounts[number], pair: pairs[number], number: number))
    }
}
