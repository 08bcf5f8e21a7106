import Foundation
import Testing
import UnrollReports
import UnrollText

@Suite struct BaselinesTests {
    @Test func withoutAHeldOutTextTheTrainingTextIsDescribed() throws {
        let baselines = Baselines(training: try Corpus(text: "aabb"))
        #expect(!baselines.isHeldOut)
        // The unknown token is one of the vocabulary.
        #expect(baselines.uniform == log(3))
        #expect(abs(baselines.unigram - log(2)) < 1e-12)
        #expect(baselines.fiveGram == nil && baselines.xz == nil && baselines.countedTokens == nil)
    }

    @Test(arguments: TokenKind.allCases)
    func theMoreAModelKnowsTheBetter(kind: TokenKind) async throws {
        let corpus = try Corpus(bytes: SampleText.utf8, name: "story", tokens: kind)
        let parts = try corpus.split(validationFraction: 0.1)
        let (training, heldOut) = (parts.training, try #require(parts.validation))
        let baselines = await Baselines(training: training, heldOut: heldOut)
        #expect(baselines.isHeldOut)
        #expect(baselines.uniform == log(Double(corpus.vocabulary.count)))
        #expect(baselines.unigram < baselines.uniform)
        let byteCount = heldOut.tokens.reduce(0) { $0 + corpus.vocabulary.bytes(of: $1).count }
        let bytesPerToken = Double(byteCount) / Double(heldOut.tokens.count)
        #expect(baselines.bytesPerToken == (kind == .words ? nil : bytesPerToken))
        #expect(try #require(baselines.fiveGram) < baselines.unigram)
        if let xz = baselines.xz {
            let size = try Self.xzSize(corpus) - Self.xzSize(training)
            #expect(abs(xz - Double(size) * 8 * log(2) / Double(heldOut.tokens.count)) < 1e-9)
            // A compressor has to spell out a new word, which the models call unknown.
            #expect(xz > 0 && (kind == .words || xz < baselines.uniform))
        } else {
            print("xz is not installed; its figure is not tested")
        }
    }

    @Test func ofAVeryLargeTextTheEndIsCounted() throws {
        let ids = [UInt8](repeating: 0x61, count: 3_000_000) + [UInt8](repeating: 0x62, count: 1_000_000)
        let baselines = Baselines(training: try Corpus(bytes: ids, name: "text"))
        #expect(baselines.countedTokens == 2_000_000)
        #expect(abs(baselines.unigram - log(2)) < 1e-12)
    }

    /// The bytes that the program of the system makes of a text, asked in another way.
    private static func xzSize(_ corpus: Corpus) throws -> Int {
        let separator: [UInt8] = corpus.vocabulary.kind == .words ? [0x20] : []
        let text = corpus.tokens.flatMap { corpus.vocabulary.bytes(of: $0) + separator }
        let folder = FileManager.default.temporaryDirectory.appending(path: "unroll-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "text")
        try Data(text).write(to: file)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["xz", "--lzma2=preset=9e,dict=1MiB", file.path]
        try process.run()
        process.waitUntilExit()
        return try Data(contentsOf: folder.appending(path: "text.xz")).count
    }
}
