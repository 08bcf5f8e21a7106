import Foundation
import UnrollBase

/// Why a text, a vocabulary or minibatches could not be made.
///
/// Parameters that are out of range are `ParameterError`.
public enum TextError: UnrollError, Equatable {
    /// There is no file with this name.
    case fileNotFound(file: String)
    /// The name is that of a folder, where a file is needed.
    case isDirectory(file: String)
    /// There is no file in the folder.
    case emptyFolder(folder: String)
    /// All files in the folder are left out of texts, for Unroll has written them.
    case noTexts(folder: String, [TextNotice])
    /// The system refused to open or read the file.
    case unreadable(file: String, reason: String)
    /// The text is not UTF-8; the offset is the number of bytes before the first faulty sequence.
    case invalidUTF8(file: String, offset: Int)
    /// The first bytes are those of another format than UTF-8 text.
    case otherFormat(file: String, FileFormat)
    /// No token is left after preprocessing.
    case emptyText(file: String)
    /// The text has more distinct tokens than ids can count.
    case vocabularyTooLarge(file: String, tokens: Int)
    /// A part of a text would have fewer than two tokens, and so none to predict.
    case textTooShortToSplit(tokens: Int, validationFraction: Double?, testFraction: Double?)
    /// The data is not a saved vocabulary.
    case invalidVocabulary(reason: String)
    /// The saved vocabulary is in a later format.
    case unsupportedVocabularyVersion(found: Int, supported: Int)
    /// One minibatch would hold more tokens than a machine can be asked for.
    case minibatchTooLarge(batchSize: Int, sequenceLength: Int)
    /// The text is too short for one minibatch.
    case textTooShort(tokens: Int, needed: Int, batchSize: Int, sequenceLength: Int)
}

extension TextError {
    /// One line that says what is wrong and what to do about it.
    public var description: String {
        switch self {
        case .fileNotFound(let file):
            "\(file): no such file; check the path"
        case .isDirectory(let file):
            "\(file): is a folder; name a text file inside it"
        case .emptyFolder(let folder):
            "\(folder): no files in this folder (hidden ones do not count); name one that holds texts"
        case .noTexts(let folder, let notices):
            "\(folder): no texts in this folder (\(notices.first?.description ?? "")"
                + (notices.count > 1 ? " and \(notices.count - 1) more" : "")
                + "); name one that holds texts, or a file in it to read it all the same"
        case .unreadable(let file, let reason):
            "\(file): cannot be read (\(reason)); check the path and its permissions"
        case .invalidUTF8(let file, let offset):
            "\(file): not valid UTF-8 at byte \(offset); convert the file to UTF-8, or use a model whose tokens are bytes"
        case .otherFormat(let file, let format):
            "\(file): not valid UTF-8 but \(format.rawValue) by its first bytes; \(format.wayOut)"
        case .emptyText(let file):
            "\(file): no tokens in this text; choose another text"
        case .vocabularyTooLarge(let file, let tokens):
            "\(file): \(tokens) distinct tokens are too many; take characters or bytes as tokens"
        case .textTooShortToSplit(let tokens, let validation, let test):
            [validation.map { "validationFraction \($0)" }, test.map { "testFraction \($0)" }]
                .compactMap(\.self).joined(separator: " and ")
                + ": a part of the text would have fewer than two of its \(tokens) tokens;"
                + " choose other fractions or a longer text"
        case .invalidVocabulary(let reason):
            "vocabulary.json: \(reason); restore the file or train the model again"
        case .unsupportedVocabularyVersion(let found, let supported):
            "vocabulary.json: format version \(found) is unknown (this program reads \(supported)); update Unroll"
        case .minibatchTooLarge(let batchSize, let sequenceLength):
            "\(batchSize) sequences of \(sequenceLength) tokens are too large for one minibatch;"
                + " lower the batch size or the sequence length"
        case .textTooShort(let tokens, needed: 2, batchSize: 1, sequenceLength: _):
            "the text has \(tokens) token and nothing to predict after it; use a longer text"
        case .textTooShort(let tokens, let needed, let batchSize, let sequenceLength):
            "the text has \(tokens) tokens, and a minibatch of \(batchSize) sequences of \(sequenceLength) needs"
                + " \(needed); lower the batch size or the sequence length, or use a longer text"
        }
    }
}

extension FileFormat {
    fileprivate var wayOut: String {
        switch contents {
        case .encodedText: "convert it to UTF-8, or use a model whose tokens are bytes"
        case .compressed: "decompress it first"
        case .document: "name the text that is in it, in a file of its own"
        }
    }
}
