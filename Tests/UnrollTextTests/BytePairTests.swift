import Foundation
import Testing
import UnrollBase
import UnrollText

/// Byte-pair encoding by itself: pre-tokens, merges and their training.
@Suite struct BytePairTests {
    private func preTokens(_ text: some Sequence<UInt8>, pieceLength: Int = .max) -> [[UInt8]] {
        var scanner = PreTokenScanner()
        var found: [[UInt8]] = []
        var rest = Array(text)[...]
        while !rest.isEmpty {
            Array(rest.prefix(pieceLength)).withUnsafeBufferPointer { piece in
                scanner.scan(piece) { found.append(Array($0)) }
            }
            rest = rest.dropFirst(pieceLength)
        }
        scanner.finish { found.append(Array($0)) }
        return found
    }

    private func preTokens(_ text: String) -> [String] {
        preTokens(text.utf8).map { String(decoding: $0, as: UTF8.self) }
    }

    private func training(
        _ text: some Sequence<UInt8>, size: Int, minimumFrequency: Int = 2
    ) -> BytePairEncoding {
        var counts = PreTokenCounts()
        for preToken in preTokens(text) { preToken.withUnsafeBufferPointer { counts.add($0) } }
        return BytePairTrainer.encoding(of: counts, size: size, minimumFrequency: minimumFrequency)
    }

    private func ids(_ text: some Sequence<UInt8>, _ encoding: BytePairEncoding) -> [Int32] {
        var encoder = BytePairEncoder(encoding)
        var ids: [Int32] = []
        for preToken in preTokens(text) {
            preToken.withUnsafeBufferPointer { encoder.encode($0) { ids += $0 } }
        }
        return ids
    }

    @Test func preTokensAreThoseOfGPT2() {
        let cases: [(String, [String])] = [
            ("Hello, world!", ["Hello", ",", " world", "!"]),
            ("don't 'tis we'll 'S", ["don", "'t", " '", "tis", " we", "'ll", " '", "S"]),
            ("a  b\n\nc \n", ["a", " ", " b", "\n", "\n", "c", " \n"]),
            ("x\t y", ["x", "\t", " y"]),
            ("12ab ½é!?", ["12", "ab", " ½", "é", "!?"]),
            (" ", [" "]), ("", []), ("'", ["'"]), ("'r", ["'", "r"]), ("'re", ["'re"]),
            ("e\u{301}", ["e", "\u{301}"]),
        ]
        for (text, expected) in cases { #expect(preTokens(text) == expected) }
    }

    @Test func invalidBytesAreSymbols() {
        #expect(
            preTokens([0x61, 0xFF, 0x21, 0xC3, 0x62, 0xE2, 0x80]) == [
                [0x61], [0xFF, 0x21, 0xC3], [0x62], [0xE2, 0x80],
            ])
    }

    @Test func piecesOfAnyLengthGiveThePreTokensOfTheWhole() {
        for seed in 0..<30 as Range<UInt64> {
            var random = RandomSource(seed: seed, purpose: .generation)
            var text = Array(TestTexts.random(seed: seed, fragments: 60).utf8)
            text += Array("'re'l'll'v  \n ".utf8)
            for _ in 0..<seed % 5 { text[random.integer(below: text.count)] = 0xE2 }
            let whole = preTokens(text)
            #expect(Array(whole.joined()) == text)
            for length in [1, 2, 3, 7] { #expect(preTokens(text, pieceLength: length) == whole) }
        }
    }

    @Test(arguments: ["a", " ", "é", "-"]) func longRunsAreCut(unit: String) {
        let limit = PreTokenScanner.maximumLength
        let text = Array(String(repeating: unit, count: 2 * limit / unit.utf8.count + 5).utf8) + [0x31]
        let found = preTokens(text)
        #expect(found.map(\.count).max() == limit)
        #expect(Array(found.joined()) == text)
        for length in [1000, limit - 1, limit + 1] {
            #expect(preTokens(text, pieceLength: length) == found)
        }
    }

    @Test func trainingGivesTheMergesOfHuggingFace() throws {
        let vectors = try BytePairVectors()
        for (text, expected) in [
            (SampleText.utf8.map { $0 }, vectors.ofStory),
            (Array(vectors.texts.joined(separator: "\n").utf8), vectors.ofTexts),
        ] {
            let found = training(text, size: expected.size)
            #expect(found.merges.map { [$0.left, $0.right] } == expected.merges)
        }
    }

    @Test func idsAreThoseOfHuggingFace() throws {
        let vectors = try BytePairVectors()
        for expected in [vectors.ofStory, vectors.ofTexts] {
            var encoding = BytePairEncoding()
            for merge in expected.merges {
                #expect(encoding.add(TokenPair(left: merge[0], right: merge[1])) != nil)
            }
            for (text, expected) in zip(vectors.texts, expected.ids) {
                #expect(ids(text.utf8, encoding) == expected, "\(text.prefix(40))")
            }
            #expect(ids(SampleText.utf8.prefix(5000), encoding) == expected.story)
        }
    }

    @Test func longPreTokensAreMergedAsShortOnes() {
        // Both ways of merging, by a queue and without one, obey the same rule: lowest rank, then first.
        let encoding = training(Array(String(repeating: "abcabcaabbcc", count: 3).utf8), size: 280)
        for length in [47, 48, 49, 50, 200, 3000] {
            let text = (0..<length).map { [0x61, 0x62, 0x63][($0 * $0 + $0 / 3) % 3] as UInt8 }
            var expected = text.map { byte in ids([byte], encoding)[0] }
            while true {
                var best: (rank: Int, index: Int)?
                for index in 0..<max(expected.count - 1, 0) {
                    let pair = TokenPair(left: expected[index], right: expected[index + 1])
                    guard let rank = encoding.merges.firstIndex(of: pair) else { continue }
                    if rank < best?.rank ?? .max { best = (rank, index) }
                }
                guard let best else { break }
                expected[best.index] = Int32(257 + best.rank)
                expected.remove(at: best.index + 1)
            }
            #expect(ids(text, encoding) == expected)
        }
    }

    @Test func rarePairsAreNotMerged() {
        #expect(training("ab ab ab cd cd ef".utf8, size: 300).count == 257 + 4)
        #expect(training("ab ab ab cd cd ef".utf8, size: 300, minimumFrequency: 3).count == 257 + 1)
        #expect(training("".utf8, size: 300).count == 257)
        #expect(training("ab ab".utf8, size: 257).count == 257)
    }

    @Test func unusableMergesAreRefused() {
        var encoding = BytePairEncoding()
        #expect(encoding.add(TokenPair(left: 1, right: 2)) == 257)
        #expect(encoding.add(TokenPair(left: 1, right: 2)) == nil)
        #expect(encoding.add(TokenPair(left: 0, right: 2)) == nil)
        #expect(encoding.add(TokenPair(left: 1, right: 258)) == nil)
        #expect(encoding.add(TokenPair(left: -1, right: 1)) == nil)
        // Two pairs that make one token.
        #expect(encoding.add(TokenPair(left: 257, right: 3)) == 258)
        #expect(encoding.add(TokenPair(left: 2, right: 3)) == 259)
        #expect(encoding.add(TokenPair(left: 1, right: 259)) == 258)
        #expect(encoding.count == 260 && encoding.merges.count == 4)
    }

    @Test func theRarestPreTokensAreDroppedWhenThereAreTooMany() {
        var counts = PreTokenCounts(limit: 10, byteLimit: 1000)
        func add(_ word: String) { Array(word.utf8).withUnsafeBufferPointer { counts.add($0) } }
        for _ in 0..<3 { add("often") }
        for number in 0..<9 { add("\(number)") }
        add("5")
        #expect(counts.counts.count == 10)
        add("new")
        // Half of ten are left: the frequent ones, then the earliest.
        #expect(counts.counts == [3, 1, 1, 1, 2])
        add(String(repeating: "x", count: 999))
        #expect(counts.counts.count < 6)
    }
}
