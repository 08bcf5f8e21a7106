/// Byte-level byte-pair encoding: the bytes, and the pairs of tokens that are merged into longer ones, in order.
///
/// Id 0 is `<unk>`, which no text has, as every byte is a token. Ids 1 to 256 are the bytes in the order of GPT-2: those
/// that Latin-1 prints, then the others. One id follows for each merge that makes a new token.
///
/// Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", 2016.
package struct BytePairEncoding: Sendable, Equatable {
    /// The bytes in the order of their ids.
    static let bytes: [UInt8] = {
        let printable: [ClosedRange<UInt8>] = [0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF]
        let isPrintable = { (byte: UInt8) in printable.contains { $0.contains(byte) } }
        let all = UInt8.min...UInt8.max
        return all.filter(isPrintable) + all.filter { !isPrintable($0) }
    }()
    /// The ids of bytes.
    static let byteIDs: [Int32] = (UInt8.min...UInt8.max).map { byte in
        Int32((bytes.firstIndex(of: byte) ?? 0) + 1)
    }
    /// The number of tokens before any merge: `<unk>` and the bytes.
    static let smallestSize = 1 + bytes.count

    /// The pairs to merge, the first ones first.
    package private(set) var merges: [TokenPair] = []
    /// The bytes of each token.
    private(set) var tokens: TokenTable
    /// The rank of each pair among the merges.
    private var ranks = PairTable()
    /// The token that each merge makes.
    private var results: [Int32] = []

    /// The encoding without merges.
    package init() {
        var tokens = TokenTable()
        _ = tokens.insert(Vocabulary.unknownToken.utf8)
        for byte in Self.bytes { _ = tokens.insert(CollectionOfOne(byte)) }
        self.tokens = tokens
    }

    /// Whether both have the same merges.
    package static func == (left: BytePairEncoding, right: BytePairEncoding) -> Bool {
        left.merges == right.merges
    }

    /// The number of tokens, `<unk>` included.
    package var count: Int { tokens.count }

    /// Adds a merge after those that there are.
    ///
    /// Two different pairs may make the same token: "a" with "bc", and "ab" with "c".
    ///
    /// - Returns: The token that it makes; nil, and nothing is added, if the pair is merged already, has no such tokens,
    ///   or makes what stands for unknown tokens.
    package mutating func add(_ pair: TokenPair) -> Int32? {
        let known = 1..<Int32(tokens.count)
        guard known.contains(pair.left), known.contains(pair.right), ranks[pair] == nil else { return nil }
        let bytes = tokens[Int(pair.left)] + tokens[Int(pair.right)]
        if bytes.elementsEqual(Vocabulary.unknownToken.utf8) { return nil }
        let token = Int32(tokens.insert(bytes))
        _ = ranks.insert(pair, merges.count)
        merges.append(pair)
        results.append(token)
        return token
    }

    /// The rank of a pair among the merges; nil if it is not merged.
    @inline(__always)
    func rank(of pair: TokenPair) -> Int? { ranks[pair] }

    /// The token that a pair is merged into; nil if it is not merged.
    func result(of pair: TokenPair) -> Int32? { ranks[pair].map { results[$0] } }

    /// The token that the merge of a rank makes.
    @inline(__always)
    func result(ofRank rank: Int) -> Int32 { results[rank] }
}
