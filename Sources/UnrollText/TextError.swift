/// Why a text, a vocabulary or minibatches could not be made.
public enum TextError: Error, Sendable, Equatable {
    /// No file has this name.
    case fileNotFound(file: String)
    /// The name is that of a folder.
    case isDirectory(file: String)
    /// There is no text in the folder.
    case emptyFolder(folder: String)
    /// The system refused to open or read the file.
    case unreadable(file: String, reason: String)
    /// The text is not UTF-8; the offset counts the bytes before the first faulty sequence.
    case invalidUTF8(file: String, offset: Int)
    /// No token is left after preprocessing.
    case emptyText(file: String)
    /// The text has more distinct tokens than ids can count.
    case vocabularyTooLarge(file: String, tokens: Int)
    /// The number of tokens to keep is not positive.
    case invalidLimit(Int)
    /// The part to validate on is not between 0 and 1.
    case invalidValidationFraction(Double)
    /// The part to test on is not between 0 and 1.
    case invalidTestFraction(Double)
    /// One of the parts of a text would have nothing to predict.
    case textTooShortToSplit(tokens: Int, validationFraction: Double?, testFraction: Double?)
    /// The token ids of a large text cannot be written beside the model.
    case cacheUnwritable(file: String, reason: String)
    /// The saved vocabulary is not one.
    case invalidVocabulary(reason: String)
    /// The saved vocabulary is in a format that this version does not know.
    case unsupportedVocabularyVersion(found: Int, supported: Int)
    /// The number of sequences side by side, `B`, is not positive.
    case invalidBatchSize(Int)
    /// The number of time steps, `T`, is not positive.
    case invalidSequenceLength(Int)
    /// The number of windows to use is not positive, or leaves no window to use.
    case invalidWindowCount(Int)
    /// One minibatch would hold more tokens than a machine can be asked for.
    case minibatchTooLarge(batchSize: Int, sequenceLength: Int)
    /// The text is too short for one minibatch.
    case textTooShort(tokens: Int, needed: Int, batchSize: Int, sequenceLength: Int)
}

extension TextError: CustomStringConvertible {
    /// One line that says what is wrong and what to do about it.
    public var description: String {
        switch self {
        case .fileNotFound(let file):
            "\(file): no such file; check the path"
        case .isDirectory(let file):
            "\(file): is a folder; name a text file inside it"
        case .emptyFolder(let folder):
            "\(folder): no files in this folder (hidden ones do not count); name one that holds texts"
        case .unreadable(let file, let reason):
            "\(file): cannot be read (\(reason)); check the path and its permissions"
        case .invalidUTF8(let file, let offset):
            "\(file): not valid UTF-8 at byte \(offset); convert the file to UTF-8 or use --tokens bytes"
        case .emptyText(let file):
            "\(file): no tokens in this text; choose another text, --preprocess or --tokens"
        case .vocabularyTooLarge(let file, let tokens):
            "\(file): \(tokens) distinct tokens are too many; use --tokens characters or --tokens bytes"
        case .invalidLimit(let limit):
            "--limit \(limit): must be at least 1"
        case .invalidValidationFraction(let fraction):
            "--validation \(fraction): must be greater than 0 and less than 1"
        case .invalidTestFraction(let fraction):
            "--test \(fraction): must be greater than 0 and less than 1"
        case .textTooShortToSplit(let tokens, let validation, let test):
            [validation.map { "--validation \($0)" }, test.map { "--test \($0)" }].compactMap(\.self)
                .joined(separator: " ")
                + ": leaves a part without two tokens in a text of \(tokens); hold out less or use a longer text"
        case .cacheUnwritable(let file, let reason):
            "\(file): the tokens of a large text cannot be written (\(reason)); make room or choose another --output"
        case .invalidVocabulary(let reason):
            "vocabulary.json: \(reason); restore the file or train the model again"
        case .unsupportedVocabularyVersion(let found, let supported):
            "vocabulary.json: format version \(found) is unknown (this program reads \(supported)); update unroll"
        case .invalidBatchSize(let size):
            "--batch \(size): must be at least 1"
        case .invalidSequenceLength(let steps):
            "--steps \(steps): must be at least 1"
        case .invalidWindowCount(let count):
            "\(count) windows: the number of windows must be at least 1 and leave some for each part"
        case .minibatchTooLarge(let batchSize, let sequenceLength):
            "--batch \(batchSize) --steps \(sequenceLength): too many tokens for one minibatch; lower either of them"
        case .textTooShort(let tokens, needed: 2, batchSize: 1, sequenceLength: _):
            "the text has \(tokens) token and nothing to predict after it; use a longer text"
        case .textTooShort(let tokens, let needed, let batchSize, let sequenceLength):
            "--batch \(batchSize) --steps \(sequenceLength): needs \(needed) tokens and the text has \(tokens);"
                + " lower --batch or --steps, or use a longer text"
        }
    }
}
