/// Why a text is not to be had by its name.
public enum CorpusError: Error, Sendable, Equatable {
    /// The catalog has no text of that name.
    case unknownCorpus(name: String, known: [String])
    /// The address could not be reached, or the connection was lost; what has arrived is kept.
    case cannotDownload(CorpusEntry, DownloadFailure, file: String)
    /// The server answered, but not with the text.
    case httpStatus(CorpusEntry, status: Int)
    /// The server has a file of another size; `found` is nil if it only sent more bytes than there should be.
    case sizeMismatch(CorpusEntry, found: Int?)
    /// All bytes arrived, but they are not those of the text.
    case checksumMismatch(CorpusEntry, found: String)
    /// Another program is downloading the same text.
    case downloadInProgress(CorpusEntry, file: String)
    /// The disk, or this person's share of it, is full.
    case diskFull(path: String)
    /// The system refused to create, write, read or rename something in the cache.
    case cacheUnwritable(path: String, reason: String)
}

extension CorpusError: CustomStringConvertible {
    /// One line that says what is wrong and what to do about it.
    public var description: String {
        switch self {
        case .unknownCorpus(let name, let known):
            "there is no corpus '\(name)'; known: \(known.joined(separator: ", ")); or give the path of a text file"
        case .cannotDownload(let entry, let failure, let file):
            "cannot download \(entry.name): \(failure); \(Self.otherTexts),"
                + " or download \(entry.url) yourself and put it at \(file) or into the folder that UNROLL_CORPORA names"
        case .httpStatus(let entry, let status):
            "cannot download \(entry.name): \(entry.url) answers with HTTP status \(status); \(Self.otherTexts)"
        case .sizeMismatch(let entry, let found):
            "cannot download \(entry.name): \(entry.url) sends \(found.map(String.init) ?? "more") bytes"
                + " where \(entry.byteCount) are expected (it has changed, or a proxy answers in its place);"
                + " \(Self.otherTexts)"
        case .checksumMismatch(let entry, let found):
            "cannot download \(entry.name): expected SHA-256 \(entry.sha256), found \(found);"
                + " the download was deleted; try again, or \(Self.otherTexts)"
        case .downloadInProgress(let entry, let file):
            "cannot download \(entry.name): another program is writing \(file); wait until it has finished"
        case .diskFull(let path):
            "\(path): the disk is full; free some space or set XDG_CACHE_HOME to a folder on another disk"
        case .cacheUnwritable(let path, let reason):
            "\(path): cannot be written (\(reason)); set XDG_CACHE_HOME to a folder that you can write to"
        }
    }

    private static let otherTexts =
        "train without a name to use the bundled sample, or give the path of a text file of yours"
}
