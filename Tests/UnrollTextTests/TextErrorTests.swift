import Foundation
import Testing
import UnrollBase
import UnrollText

@Suite struct TextErrorTests {
    static let lines: [(TextError, String)] = [
        (.fileNotFound(file: "a.txt"), "a.txt: no such file; check the path"),
        (.isDirectory(file: "books"), "books: is a folder; name a text file inside it"),
        (
            .unreadable(file: "a.txt", reason: "Permission denied"),
            "a.txt: cannot be read (Permission denied); check the path and its permissions"
        ),
        (
            .invalidUTF8(file: "a.txt", offset: 7),
            "a.txt: not valid UTF-8 at byte 7; convert the file to UTF-8, or use a model whose tokens are bytes"
        ),
        (
            .otherFormat(file: "a.txt", .utf16LittleEndian),
            "a.txt: not valid UTF-8 but UTF-16LE by its first bytes; convert it to UTF-8, or use a model whose"
                + " tokens are bytes"
        ),
        (
            .otherFormat(file: "a.gz", .gzip),
            "a.gz: not valid UTF-8 but gzip by its first bytes; decompress it first"
        ),
        (
            .otherFormat(file: "a.pdf", .pdf),
            "a.pdf: not valid UTF-8 but PDF by its first bytes; name the text that is in it, in a file of its own"
        ),
        (.emptyText(file: "a.txt"), "a.txt: no tokens in this text; choose another text"),
        (
            .emptyFolder(folder: "books"),
            "books: no files in this folder (hidden ones do not count); name one that holds texts"
        ),
        (
            .vocabularyTooLarge(file: "a.txt", tokens: 3_000_000_000),
            "a.txt: 3000000000 distinct tokens are too many; take characters or bytes as tokens"
        ),
        (
            .textTooShortToSplit(tokens: 9, validationFraction: 0.1, testFraction: 0.2),
            "validationFraction 0.1 and testFraction 0.2: a part of the text would have fewer than two of its 9"
                + " tokens; choose other fractions or a longer text"
        ),
        (
            .minibatchTooLarge(batchSize: 1_000_000, sequenceLength: 1_000),
            "1000000 sequences of 1000 tokens are too large for one minibatch;"
                + " lower the batch size or the sequence length"
        ),
        (
            .textTooShort(tokens: 10, needed: 1_156, batchSize: 32, sequenceLength: 35),
            "the text has 10 tokens, and a minibatch of 32 sequences of 35 needs 1156;"
                + " lower the batch size or the sequence length, or use a longer text"
        ),
        (
            .textTooShort(tokens: 1, needed: 2, batchSize: 1, sequenceLength: 256),
            "the text has 1 token and nothing to predict after it; use a longer text"
        ),
        (
            .invalidVocabulary(reason: "a token occurs twice"),
            "vocabulary.json: a token occurs twice; restore the file or train the model again"
        ),
        (
            .unsupportedVocabularyVersion(found: 2, supported: 1),
            "vocabulary.json: format version 2 is unknown (this program reads 1); update Unroll"
        ),
    ]

    @Test(arguments: lines)
    func saysWhatIsWrongAndWhatToDo(error: TextError, line: String) {
        #expect("\(error)" == line)
        #expect((error as any Error).localizedDescription == line)
        #expect(!line.contains("--"))
    }
}
