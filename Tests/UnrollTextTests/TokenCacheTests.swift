import Foundation
import Testing
import UnrollBase
import UnrollTestSupport
import UnrollText

/// A text that is read through a cache is the one that is read into memory.
@Suite struct TokenCacheTests {
    private let folder: TemporaryFolder
    private var text: URL { folder("text.txt") }
    private var cache: URL { folder("model/tokens.cache") }

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("x" + TestTexts.random(seed: 3, fragments: 9_000), to: "text.txt")
    }

    private func cached(
        _ urls: [URL], _ preprocessing: Preprocessing = .none, tokens kind: TokenKind = .characters,
        minimumFrequency: Int = 1, limit: Int? = nil
    ) throws -> Corpus {
        try Corpus(
            .init(
                .files(urls), preprocessing: preprocessing, kind: kind, minimumFrequency: minimumFrequency,
                limit: limit, cache: cache, smallestCachedText: 1))
    }

    private func expectEqual(
        _ corpus: Corpus, _ expected: Corpus, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(corpus.tokens == expected.tokens, sourceLocation: sourceLocation)
        #expect(corpus.vocabulary == expected.vocabulary, sourceLocation: sourceLocation)
        #expect(corpus.tokens.bytesPerID == expected.tokens.bytesPerID, sourceLocation: sourceLocation)
        #expect(corpus.byteCount == expected.byteCount, sourceLocation: sourceLocation)
        #expect(corpus.characterCount == expected.characterCount, sourceLocation: sourceLocation)
        #expect(corpus.unknownCount == expected.unknownCount, sourceLocation: sourceLocation)
        #expect(corpus.fingerprint == expected.fingerprint, sourceLocation: sourceLocation)
        #expect(corpus.name == expected.name, sourceLocation: sourceLocation)
    }

    /// Which file lies under the name of the cache: another one once it has been replaced.
    private func cacheNumber() throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: cache.path)[.systemFileNumber] as? Int
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func equalsTheTextInMemory(kind: TokenKind, preprocessing: Preprocessing) throws {
        for (minimumFrequency, limit) in [(1, nil), (3, nil), (2, 1_000), (1, 1)] {
            let expected = try Corpus(
                contentsOf: text, preprocessing: preprocessing, tokens: kind,
                minimumFrequency: minimumFrequency, limit: limit)
            for _ in 0..<2 {
                let corpus = try cached(
                    [text], preprocessing, tokens: kind, minimumFrequency: minimumFrequency, limit: limit)
                expectEqual(corpus, expected)
            }
        }
        #expect(try folder.names(in: "model") == ["tokens.cache"])
    }

    @Test(arguments: [(255, 1), (256, 2), (65_536, 4)])
    func idsOfEveryWidthAreMapped(distinct: Int, bytesPerID: Int) throws {
        let words = (0..<distinct).map { "w\($0)" }
        try folder.write((words + words.reversed()).joined(separator: " "), to: "text.txt")
        let expected = try Corpus(contentsOf: text, tokens: .words)
        for _ in 0..<2 {
            let corpus = try cached([text], tokens: .words)
            #expect(corpus.tokens.bytesPerID == bytesPerID)
            expectEqual(corpus, expected)
            let range = 3..<distinct + 7
            #expect(corpus.tokens.part(range) == expected.tokens.part(range))
            #expect(corpus.tokens.part(range).occurrences(of: 5) == 1)
            let source = try corpus.tokens.part(range).strand(sequenceLength: 50)
            let other = try expected.tokens.part(range).strand(sequenceLength: 50)
            var (minibatch, otherMinibatch) = (Minibatch(), Minibatch())
            for index in 0..<source.count {
                source.fill(&minibatch, at: index)
                other.fill(&otherMinibatch, at: index)
                #expect(minibatch == otherMinibatch)
            }
        }
    }

    @Test func idsThatWereGivenBackAreThereAgain() throws {
        // Enough reading that all pages are given back several times.
        let tokens = try cached([text]).tokens
        let expected = try Corpus(contentsOf: text).tokens
        var ids = [Int32](repeating: 0, count: 100)
        for index in 0..<3_000 {
            let start = index * 7_919 % (tokens.count - ids.count)
            ids.withUnsafeMutableBufferPointer { buffer in
                if let base = buffer.baseAddress {
                    tokens.copy(start..<start + buffer.count, strideInto: base, stride: 1)
                }
            }
            #expect(ids == Array(expected.part(start..<start + ids.count)))
        }
    }

    @Test func aCacheIsReadAndNotTheText() throws {
        let time = Date(timeIntervalSince1970: 1_000_000)
        try setTime(of: text, like: time)
        let expected = try cached([text])
        // Other contents of the same size and time are not looked at.
        let size = try Data(contentsOf: text).count
        try Data(repeating: 0x61, count: size).write(to: text)
        try setTime(of: text, like: time)
        expectEqual(try cached([text]), expected)
    }

    private func setTime(of url: URL, like date: Date) throws {
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: url.path)
    }

    @Test func aTextThatIsGoneIsReadFromItsCacheAlone() throws {
        let expected = try cached([text], .letters, minimumFrequency: 2)
        try FileManager.default.removeItem(at: text)
        expectEqual(try cached([text], .letters, minimumFrequency: 2), expected)
        // Another way of reading needs the text.
        #expect(throws: TextError.fileNotFound(file: text.relativePath)) { try cached([text], .letters) }
        #expect(throws: TextError.fileNotFound(file: folder("other").relativePath)) {
            try cached([folder("other")], .letters, minimumFrequency: 2)
        }
        try FileManager.default.removeItem(at: cache)
        #expect(throws: TextError.fileNotFound(file: text.relativePath)) {
            try cached([text], .letters, minimumFrequency: 2)
        }
    }

    @Test func whateverChangesMakesAnotherCache() throws {
        var number = try #require(
            {
                _ = try cached([text]); return try cacheNumber()
            }())
        func expectReplaced(
            _ isReplaced: Bool, sourceLocation: SourceLocation = #_sourceLocation, _ read: () throws -> Corpus
        ) throws {
            _ = try read()
            let next = try #require(try cacheNumber())
            #expect((next != number) == isReplaced, sourceLocation: sourceLocation)
            number = next
        }
        try expectReplaced(false) { try cached([text]) }
        try expectReplaced(true) { try cached([text], .lowercase) }
        try expectReplaced(true) { try cached([text], .lowercase, tokens: .words) }
        try expectReplaced(true) { try cached([text], .lowercase, tokens: .words, minimumFrequency: 2) }
        try expectReplaced(true) {
            try cached([text], .lowercase, tokens: .words, minimumFrequency: 2, limit: 50)
        }
        try expectReplaced(true) { try cached([text]) }
        try setTime(of: text, like: Date(timeIntervalSince1970: 1_000_000))
        try expectReplaced(true) { try cached([text]) }
        try folder.write("another text of another size", to: "text.txt")
        try setTime(of: text, like: Date(timeIntervalSince1970: 1_000_000))
        try expectReplaced(true) { try cached([text]) }
        #expect(try cached([text]).tokens.count == 28)
        try folder.write("more", to: "more.txt")
        try expectReplaced(true) { try cached([text, folder("more.txt")]) }
        try expectReplaced(true) { try cached([folder("more.txt"), text]) }
        try expectReplaced(true) { try cached([folder.url]) }
        try expectReplaced(false) { try cached([folder.url]) }
        try folder.write("and more", to: "new.txt")
        try expectReplaced(true) { try cached([folder.url]) }
        let vocabulary = try Corpus(contentsOf: folder("new.txt")).vocabulary
        func fixed(_ vocabulary: Vocabulary) throws -> Corpus {
            try Corpus(
                .init(.files([folder.url]), vocabulary: vocabulary, cache: cache, smallestCachedText: 1))
        }
        try expectReplaced(true) { try fixed(vocabulary) }
        try expectReplaced(false) { try fixed(vocabulary) }
        expectEqual(
            try fixed(vocabulary), try Corpus(contentsOf: [folder.url], vocabulary: vocabulary, cache: cache))
        #expect(try fixed(vocabulary).unknownCount > 0)
        try expectReplaced(true) { try fixed(Corpus(text: "another vocabulary").vocabulary) }
    }

    @Test func smallTextsAndStreamsHaveNoCache() throws {
        let size = try Data(contentsOf: text).count
        let expected = try Corpus(contentsOf: text)
        let corpus = try Corpus(.init(.files([text]), cache: cache, smallestCachedText: size + 2))
        expectEqual(corpus, expected)
        expectEqual(try Corpus(contentsOf: [text], cache: cache), expected)
        let stream = URL(fileURLWithPath: "/dev/null")
        let joined = try Corpus(.init(.files([text, stream]), cache: cache, smallestCachedText: 1))
        #expect(joined.tokens == expected.tokens)
        #expect(try folder.names() == ["text.txt"])
    }

    @Test func damagedCachesAreMadeAnew() throws {
        try folder.write("a text that is not very long, and is here again", to: "text.txt")
        let expected = try Corpus(contentsOf: text)
        _ = try cached([text])
        let whole = try Data(contentsOf: cache)
        let idCount = expected.tokens.count
        func expectRepaired(_ data: Data, sourceLocation: SourceLocation = #_sourceLocation) throws {
            try data.write(to: cache)
            expectEqual(try cached([text]), expected, sourceLocation: sourceLocation)
            #expect(try Data(contentsOf: cache) == whole, sourceLocation: sourceLocation)
        }
        for length in 0..<whole.count { try expectRepaired(whole.prefix(length)) }
        // The bytes of the header and of what says where it is.
        for index in idCount..<whole.count {
            for bit in [0, 7] as [UInt8] {
                var data = whole
                data[index] ^= 1 << bit
                try expectRepaired(data)
            }
        }
        try expectRepaired(whole.dropFirst())
        try expectRepaired(whole + [0])
        try expectRepaired([0] + whole)
        try expectRepaired(Data(repeating: 0xFF, count: whole.count))
        #expect(try folder.names(in: "model") == ["tokens.cache"])
    }

    @Test(arguments: ["changed", "one bit", "swapped", "shorter", "longer", "zeros"])
    func damagedIDsAreNotRead(damage: String) throws {
        // In memory, since it is compared after the file has been changed where it is mapped.
        let expected = try Corpus(contentsOf: text)
        #expect(try cached([text]).notices.isEmpty)
        let whole = try Data(contentsOf: cache)
        let ids = expected.tokens.count * expected.tokens.bytesPerID
        var data = whole
        switch damage {
        case "changed": for index in stride(from: 0, to: 20_000, by: 3) { data[index] ^= 1 }
        case "one bit": data[ids - 1] ^= 0x80
        case "swapped": data = data[500..<1_000] + data[..<500] + data[1_000...]
        case "shorter": data.removeSubrange(100..<104)
        case "longer": data.insert(contentsOf: [0, 0], at: 100)
        default: data.replaceSubrange(0..<4_096, with: Data(count: 4_096))
        }
        try data.write(to: cache)
        let repaired = try cached([text])
        expectEqual(repaired, expected)
        #expect(repaired.notices == [.damagedCache(path: cache.path)])
        #expect(try Data(contentsOf: cache) == whole)
        #expect(try cached([text]).notices.isEmpty)

        // Without the text, what is damaged does not stand for it.
        try data.write(to: cache)
        try FileManager.default.removeItem(at: text)
        #expect(throws: TextError.fileNotFound(file: text.relativePath)) { try cached([text]) }
        try whole.write(to: cache)
        expectEqual(try cached([text]), expected)
    }

    @Test func theIDsOfAnotherCacheAreNotRead() throws {
        let expected = try cached([text])
        let whole = try Data(contentsOf: cache)
        let other = "y" + TestTexts.random(seed: 4, fragments: 9_000)
        try folder.write(other, to: "other.txt")
        _ = try cached([folder("other.txt")])
        let ids = expected.tokens.count * expected.tokens.bytesPerID
        let body = try Data(contentsOf: cache).prefix(ids)
        #expect(body.count == ids)
        try (body + whole.dropFirst(ids)).write(to: cache)
        expectEqual(try cached([text]), expected)
    }

    /// The committed cache has no checksum of its ids, and is checked by the fingerprint of its text.
    @Test func cachesOfEarlyVersionsAreCheckedToo() throws {
        let fixture = try #require(
            Bundle.module.url(forResource: "tokens.cache", withExtension: nil, subdirectory: "Fixtures"))
        func corpus() throws -> Corpus {
            try Corpus(
                contentsOf: [URL(fileURLWithPath: "/texts/large.txt")], preprocessing: .lowercase,
                tokens: .words, limit: 50, cache: folder("early.cache"))
        }
        let data = try Data(contentsOf: fixture)
        try data.write(to: folder("early.cache"))
        let ids = try corpus().tokens.count
        for index in [0, 7, ids - 1] {
            var changed = data
            changed[index] ^= 1
            try changed.write(to: folder("early.cache"))
            #expect(throws: TextError.fileNotFound(file: "/texts/large.txt")) { try corpus() }
        }
    }

    @Test func aCacheIsPutInPlaceWhenItIsAccepted() throws {
        _ = try cached([text])
        let before = try Data(contentsOf: cache)
        try folder.write("another text", to: "text.txt")
        let abandoned = try makeAbandonedFile()
        let reading = Corpus.Reading(.files([text]), cache: cache, smallestCachedText: 1)
        do {
            let staged = try StagedCorpus(reading)
            expectEqual(staged.corpus, try Corpus(contentsOf: text))
            #expect(try Data(contentsOf: cache) == before)
        }
        #expect(try folder.names(in: "model") == ["tokens.cache", abandoned.lastPathComponent])
        #expect(try Data(contentsOf: cache) == before)
        let staged = try StagedCorpus(reading)
        try staged.putCacheInPlace()
        #expect(try folder.names(in: "model") == ["tokens.cache"])
        #expect(try Data(contentsOf: cache) != before)
        expectEqual(try cached([text]), staged.corpus)
    }

    @Test func aFolderInPlaceOfTheCacheIsNamed() throws {
        try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
        try folder.write("x", to: "model/tokens.cache/file")
        let error = #expect(throws: FileError.self) { try cached([text]) }
        guard case .unwritable(path: cache.path, reason: _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try folder.names(in: "model") == ["tokens.cache"])
        try folder.write("x", to: "file")
        #expect(throws: FileError.self) {
            try Corpus(.init(.files([text]), cache: folder("file/tokens.cache"), smallestCachedText: 1))
        }
    }

    @Test func textsThatCannotBeReadLeaveNothing() throws {
        try Data([0x41, 0xFF]).write(to: text)
        #expect(throws: TextError.invalidUTF8(file: text.relativePath, offset: 1)) { try cached([text]) }
        try folder.write(" ", to: "text.txt")
        #expect(throws: TextError.emptyText(file: text.relativePath)) { try cached([text], tokens: .words) }
        #expect(throws: outOfRange("limit", "0", "at least 1")) { try cached([text], limit: 0) }
        let model = FileManager.default.fileExists(atPath: folder("model").path)
        #expect(try model ? folder.names(in: "model").isEmpty : true)
    }

    /// A file that looks like a temporary one that was last written to an hour ago.
    private func makeAbandonedFile() throws -> URL {
        try FileManager.default.createDirectory(at: folder("model"), withIntermediateDirectories: true)
        let url = folder("model/.unroll-\(UUID().uuidString)")
        try Data("half".utf8).write(to: url)
        try setTime(of: url, like: Date(timeIntervalSinceNow: -3_600))
        return url
    }

    @Test func aFileOfAKilledRunIsRemoved() throws {
        let abandoned = try makeAbandonedFile()
        try folder.write("kept", to: "model/notes")
        _ = try cached([text])
        #expect(!FileManager.default.fileExists(atPath: abandoned.path))
        #expect(Set(try folder.names(in: "model")) == ["tokens.cache", "notes"])
    }

    @Test func twoRunsMayWriteOneCacheAtOnce() throws {
        try FileManager.default.createDirectory(at: folder("model"), withIntermediateDirectories: true)
        // One run has begun to write, long ago, when another writes the same cache.
        let first = try StagedFile(for: cache)
        try first.write(Data("a cache".utf8))
        for name in try FileManager.default.contentsOfDirectory(atPath: folder("model").path) {
            try setTime(of: folder("model/\(name)"), like: Date(timeIntervalSinceNow: -3_600))
        }
        let expected = try Corpus(contentsOf: text)
        let second = try cached([text])
        try first.write(Data(", continued".utf8))
        try first.putInPlace()
        #expect(try Data(contentsOf: cache) == Data("a cache, continued".utf8))
        // The second still has the tokens that it wrote.
        expectEqual(second, expected)
        expectEqual(try cached([text]), expected)
        #expect(try folder.names(in: "model") == ["tokens.cache"])
    }

    @Test func manyRunsWriteOneCacheAtOnce() async throws {
        let expected = try Corpus(contentsOf: text)
        try await withThrowingTaskGroup(of: Corpus.self) { group in
            for _ in 0..<8 { group.addTask { try cached([text]) } }
            for try await corpus in group { expectEqual(corpus, expected) }
        }
        #expect(try folder.names(in: "model") == ["tokens.cache"])
    }
}
