import UnrollEngine
import UnrollText

// What changes the scores of tokens before one is chosen, in the order in which `TokenSampler` applies them.

/// Makes tokens less probable that occur among the last ones: positive logits are divided, negative ones multiplied.
///
/// However often a token occurs there, it is penalized once (Keskar et al.: "CTRL", 2019). Memory is bounded by the
/// window and the vocabulary, whatever the length of the text.
struct RepetitionPenalty {
    private let penalty: Double
    /// The number of tokens that it looks back at.
    private let window: Int
    /// The last tokens; once the window is full, a ring that begins at `oldest`.
    private var recent: [Int32] = []
    private var oldest = 0
    /// How often a token occurs among the last ones, `[V]`.
    private var counts: [Int]

    init(_ penalty: Double, window: Int, vocabularySize: Int) {
        self.penalty = penalty
        self.window = window
        counts = [Int](repeating: 0, count: vocabularySize)
    }

    /// Counts a token that was read or chosen.
    mutating func observe(_ token: Int32) {
        guard counts.indices.contains(Int(token)) else { return }
        counts[Int(token)] += 1
        if recent.count < window {
            recent.append(token)
        } else {
            counts[Int(recent[oldest])] -= 1
            recent[oldest] = token
            oldest = (oldest + 1) % window
        }
    }

    /// The last tokens, the latest last.
    var recentTokens: [Int32] { Array(recent[oldest...] + recent[..<oldest]) }

    func apply(to scores: inout [Double]) {
        for (token, count) in counts.enumerated() where count > 0 {
            scores[token] = scores[token] < 0 ? scores[token] * penalty : scores[token] / penalty
        }
    }
}

/// Adds numbers to the logits of some tokens.
struct LogitBias {
    let values: [(token: Int, bias: Double)]

    /// - Throws: `EngineError.tokenOutOfRange` for an id that the vocabulary lacks.
    init(_ values: [Int32: Double], vocabularySize: Int) throws(EngineError) {
        for token in values.keys.sorted() where token < 0 || token >= vocabularySize {
            throw .tokenOutOfRange(token, vocabularySize: vocabularySize)
        }
        self.values = values.map { (Int($0), $1) }
    }

    func apply(to scores: inout [Double]) {
        for (token, bias) in values { scores[token] += bias }
    }
}

/// Makes tokens less probable that have been generated, as OpenAI's interface has it: once for that they came at all, and
/// once for each time.
struct OccurrencePenalty {
    private let presence: Double
    private let frequency: Double
    /// How often each token was generated.
    private var counts: [Int32: Int] = [:]

    init(presence: Double, frequency: Double) {
        self.presence = presence
        self.frequency = frequency
    }

    /// Counts a token that was generated.
    mutating func observe(_ token: Int32) {
        counts[token, default: 0] += 1
    }

    func apply(to scores: inout [Double]) {
        for (token, count) in counts where scores.indices.contains(Int(token)) {
            scores[Int(token)] -= presence + Double(count) * frequency
        }
    }
}

/// Tokens that are never chosen: `<unk>`, and those that the options name.
struct TokenBans {
    let banned: [Int32]
    private let vocabularySize: Int

    init(_ names: Set<String>, in vocabulary: Vocabulary) throws(GenerationError) {
        var banned: Set<Int32> = [Vocabulary.unknownID]
        for name in names.sorted() {
            guard let token = vocabulary.id(of: name) else {
                throw .unknownToken(name, kind: vocabulary.kind)
            }
            banned.insert(token)
        }
        guard banned.count < vocabulary.count else { throw .allTokensBanned }
        self.banned = banned.sorted()
        vocabularySize = vocabulary.count
    }

    func contains(_ token: Int32) -> Bool { banned.contains(token) }

    /// All other tokens.
    var allowed: [Int32] {
        let banned = Set(banned)
        return (0..<Int32(vocabularySize)).filter { !banned.contains($0) }
    }

    func apply(to scores: inout [Double]) {
        for token in banned { scores[Int(token)] = -.infinity }
    }
}

/// Keeps the most probable tokens, and those that are as probable as the last of them (Fan, Lewis, Dauphin:
/// "Hierarchical neural story generation", 2018).
struct TopK {
    private let count: Int
    private var scratch: [Double] = []

    init(_ count: Int) {
        self.count = count
    }

    mutating func apply(to scores: inout [Double]) {
        guard count < scores.count else { return }
        scratch.removeAll(keepingCapacity: true)
        scratch += scores
        let least = Self.select(count, of: &scratch)
        for token in scores.indices where scores[token] < least { scores[token] = -.infinity }
    }

    /// The `rank`-th greatest of the values, which change places (Hoare: "Algorithm 65: find", 1961).
    private static func select(_ rank: Int, of values: inout [Double]) -> Double {
        var (low, high) = (0, values.count - 1)
        let target = rank - 1
        while low < high {
            let pivot = values[low + (high - low) / 2]
            var (left, right) = (low, high)
            while left <= right {
                while values[left] > pivot { left += 1 }
                while values[right] < pivot { right -= 1 }
                if left <= right {
                    values.swapAt(left, right)
                    left += 1
                    right -= 1
                }
            }
            if target <= right {
                high = right
            } else if target >= left {
                low = left
            } else {
                break
            }
        }
        return values[target]
    }
}

/// Keeps the smallest set of most probable tokens whose probability reaches `mass`: the nucleus (Holtzman et al.: "The
/// curious case of neural text degeneration", 2020).
///
/// Of equally probable tokens those with the lower ids come first.
struct TopP {
    private let mass: Double
    private var candidates: [Int] = []

    init(_ mass: Double) {
        self.mass = mass
    }

    mutating func apply(to weights: inout [Double]) {
        let total = weights.reduce(0, +)
        // All tokens below this have less than 1 - mass together, so that none of them needs to be sorted.
        let least = (1 - mass) * total / Double(weights.count)
        candidates.removeAll(keepingCapacity: true)
        for token in weights.indices where weights[token] >= least { candidates.append(token) }
        candidates.sort {
            weights[$0] == weights[$1] ? $0 < $1 : weights[$0] > weights[$1]
        }
        var sum = 0.0
        let kept = candidates.prefix(while: { token in
            defer { sum += weights[token] }
            return sum < mass * total
        })
        guard let last = kept.last else { return }
        let bound = weights[last]
        for token in weights.indices
        where weights[token] < bound || weights[token] == bound && token > last { weights[token] = 0 }
    }
}

/// Drops tokens whose probability is below this share of the greatest (Nguyen et al.: "Turning
/// up the heat: min-p sampling", 2024).
struct MinP {
    let share: Double

    func apply(to weights: inout [Double]) {
        let bound = share * (weights.max() ?? 0)
        for token in weights.indices where weights[token] < bound { weights[token] = 0 }
    }
}
