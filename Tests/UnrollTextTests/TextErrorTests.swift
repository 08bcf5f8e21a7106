import Testing
import UnrollText

@Suite struct TextErrorTests {
    @Test(
        arguments: [
            (.fileNotFound(file: "a.txt"), "a.txt: no such file; check the path"),
            (.isDirectory(file: "books"), "books: is a folder; name a text file inside it"),
            (
                .unreadable(file: "a.txt", reason: "Permission denied"),
                "a.txt: cannot be read (Permission denied); check the path and its permissions"
            ),
            (
                .invalidUTF8(file: "a.txt", offset: 7),
                "a.txt: not valid UTF-8 at byte 7; convert the file to UTF-8 or use --tokens bytes"
            ),
            (
                .emptyText(file: "a.txt"),
                "a.txt: no tokens in this text; choose another text, --preprocess or --tokens"
            ),
            (.invalidLimit(0), "--limit 0: must be at least 1"),
            (
                .emptyFolder(folder: "books"),
                "books: no files in this folder (hidden ones do not count); name one that holds texts"
            ),
            (.invalidTestFraction(1.5), "--test 1.5: must be greater than 0 and less than 1"),
            (
                .textTooShortToSplit(tokens: 9, validationFraction: 0.1, testFraction: 0.2),
                "--validation 0.1 --test 0.2: leaves a part without two tokens in a text of 9;"
                    + " hold out less or use a longer text"
            ),
            (
                .cacheUnwritable(file: "model/tokens.cache", reason: "No space left on device"),
                "model/tokens.cache: the tokens of a large text cannot be written (No space left on device);"
                    + " make room or choose another --output"
            ),
            (.invalidValidationFraction(1.5), "--validation 1.5: must be greater than 0 and less than 1"),
            (.invalidBatchSize(0), "--batch 0: must be at least 1"),
            (.invalidSequenceLength(-1), "--steps -1: must be at least 1"),
            (
                .textTooShort(tokens: 10, needed: 1_156, batchSize: 32, sequenceLength: 35),
                "--batch 32 --steps 35: needs 1156 tokens and the text has 10;"
                    + " lower --batch or --steps, or use a longer text"
            ),
            (
                .unsupportedVocabularyVersion(found: 2, supported: 1),
                "vocabulary.json: format version 2 is unknown (this program reads 1); update unroll"
            ),
        ] as [(TextError, String)])
    func saysWhatIsWrongAndTheWayOut(error: TextError, line: String) {
        #expect("\(error)" == line)
    }
}
