import Foundation
import Testing
import UnrollBase
import UnrollText

/// The counts that `data/README.md` gives for the corpora in the folder `UNROLL_CORPORA`.
@Suite(.enabled(if: TestTexts.corpora != nil, "UNROLL_CORPORA does not name a folder with corpora"))
struct CorporaTests {
    @Test(arguments: [(Preprocessing.none, 178_979, 70), (.lowercase, 178_605, 44), (.letters, 173_428, 27)])
    func readsTheTimeMachine(preprocessing: Preprocessing, characters: Int, distinct: Int) throws {
        let corpus = try Corpus(contentsOf: #require(TestTexts.timeMachine), preprocessing: preprocessing)
        #expect(corpus.tokens.count == characters)
        #expect(corpus.characterCount == characters)
        #expect(corpus.byteCount == characters)
        #expect(corpus.vocabulary.count == distinct + 1)
        #expect(corpus.tokens.bytesPerID == 1)
    }

    @Test(arguments: [(Preprocessing.none, 1_115_394, 65), (.letters, 1_059_581, 27)])
    func readsShakespeare(preprocessing: Preprocessing, characters: Int, distinct: Int) throws {
        let corpus = try Corpus(contentsOf: #require(TestTexts.shakespeare), preprocessing: preprocessing)
        #expect(corpus.tokens.count == characters)
        #expect(corpus.vocabulary.count == distinct + 1)
        if preprocessing == .none {
            #expect(corpus.tokens.occurrences(of: try #require(corpus.vocabulary.id(of: "\n"))) == 40_000)
        }
    }

    @Test(arguments: Preprocessing.allCases, ReferenceText.kinds)
    func equalsTheReference(preprocessing: Preprocessing, kind: TokenKind) throws {
        let url = try #require(TestTexts.timeMachine)
        let corpus = try Corpus(contentsOf: url, preprocessing: preprocessing, tokens: kind)
        let reference = ReferenceText(try String(contentsOf: url, encoding: .utf8), preprocessing, kind)
        #expect(corpus.tokens.map(corpus.vocabulary.bytes(of:)) == reference.tokens)
        #expect(corpus.vocabulary.count == reference.vocabulary().count + 1)
    }

    @Test func countsTheWordsOfTheTimeMachine() throws {
        let corpus = try Corpus(
            contentsOf: #require(TestTexts.timeMachine), preprocessing: .letters, tokens: .words)
        #expect(corpus.tokens.count == 32_775)
        #expect(corpus.vocabulary.count == 4_580)
        #expect(corpus.vocabulary.token(1) == "the")
    }

    @Test func cutsTheWindowsOfTheBook() throws {
        let tokens = try Corpus(contentsOf: #require(TestTexts.timeMachine), preprocessing: .letters).tokens
        let training = try Partitioning.windows.minibatches(
            of: tokens, batchSize: 1_024, sequenceLength: 32, seed: 0, epoch: 0, windowCount: 10_000)
        let validation = try tokens.validationWindows(
            batchSize: 1_024, sequenceLength: 32, after: 10_000, windowCount: 5_000)
        #expect(training.count == 10)
        #expect(validation.count == 5)
    }
}
