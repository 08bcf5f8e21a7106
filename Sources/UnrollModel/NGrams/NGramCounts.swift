import UnrollText

/// How often sequences of 1, 2 … tokens occur in a text, as Kneser-Ney smoothing counts them.
///
/// The longest sequences are counted as they occur, shorter ones by the number of different tokens before them.
struct NGramCounts {
    /// The sequences of one length.
    struct Level {
        var sequences = SequenceTable()
        /// The count of each sequence, at least 1.
        var counts: [UInt32] = []
    }

    /// By length, from 1.
    private(set) var levels: [Level]
    private let vocabularySize: Int

    /// Tokens that are counted before it is asked whether there are enough.
    private static let blockSize = 1 << 20
    /// Distinct sequences that are enough: as many as take some ten megabytes in a file.
    private static let sequenceLimit = 4_000_000
    /// Tokens that are enough, of a text with few distinct sequences.
    private static let tokenLimit = 1 << 25

    /// Counts a text or, of a very large one, so much of its end that time and memory have a bound.
    ///
    /// Tokens outside the vocabulary, which a damaged cache may hold, count as unknown.
    init(of tokens: TokenIDs, vocabularySize: Int, order: Int) {
        levels = Array(repeating: Level(), count: order)
        self.vocabularySize = vocabularySize
        var begin = tokens.count
        let least = max(0, tokens.count - Self.tokenLimit)
        while begin > least, sequenceCount < Self.sequenceLimit {
            let end = begin
            begin = max(least, end - Self.blockSize)
            add(tokens.part(begin..<end))
        }
    }

    /// The number of distinct sequences of all lengths.
    var sequenceCount: Int { levels.reduce(0) { $0 + $1.counts.count } }

    private mutating func add(_ tokens: TokenIDs) {
        // The sequences of 1, 2 … tokens that end at the last position.
        var ending = [Int](repeating: 0, count: levels.count)
        for (position, token) in tokens.enumerated() {
            let token = (0..<Int32(vocabularySize)).contains(token) ? token : Vocabulary.unknownID
            // The longest always counts, even at the beginning of the text, where it is short.
            var isCounted = true
            for level in stride(from: min(levels.count - 1, position), through: 0, by: -1) {
                let (number, isNew) = levels[level].sequences.insert(
                    prefix: level == 0 ? 0 : ending[level - 1], token: token)
                if isNew { levels[level].counts.append(0) }
                if isCounted { levels[level].counts[number] += 1 }
                // A new longer sequence is a new token before the shorter one.
                isCounted = isNew
                ending[level] = number
            }
        }
    }
}
