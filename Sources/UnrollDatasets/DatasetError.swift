import UnrollBase

/// Why a text cannot be had by its name.
package enum DatasetError: UnrollError, Equatable {
    /// The catalog has no text of this name.
    case unknown(name: String, known: [String])
    /// The server could not be reached, or the connection was lost.
    case cannotDownload(Dataset, reason: String, file: String)
    /// The server answered, but not with the text.
    case httpStatus(Dataset, status: Int)
    /// The size or the checksum is another; `found` says which.
    case wrongContents(Dataset, found: String)

    /// One line that says what is wrong and then what to do.
    package var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no text '\(name)'; known: \(known.joined(separator: ", ")); or give the path of a text file"
        case .cannotDownload(let dataset, let reason, let file):
            "cannot download \(dataset.name): \(reason); \(Self.otherTexts),"
                + " or download \(dataset.url) yourself to \(file) or into the folder that UNROLL_CORPORA names"
        case .httpStatus(let dataset, let status):
            "cannot download \(dataset.name): \(dataset.url) answers with HTTP status \(status); \(Self.otherTexts)"
        case .wrongContents(let dataset, let found):
            "cannot download \(dataset.name): \(dataset.url) sends \(found), not \(dataset.byteCount) bytes with the"
                + " SHA-256 checksum \(dataset.sha256) (the text has changed, or a proxy answers); \(Self.otherTexts)"
        }
    }

    private static let otherTexts = "use the bundled text 'sample', or give the path of a text file"
}
