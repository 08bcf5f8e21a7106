/// Something to know about how a text was read.
public enum TextNotice: Sendable, Equatable, CustomStringConvertible {
    /// A file or folder that Unroll has written, and that is not part of the text; the path is within the folder that
    /// was read, whose own name it is where that is left out.
    case leftOut(path: String, UnrollOutput)
    /// The token cache was damaged; the text was read again.
    case damagedCache(path: String)

    /// One line.
    public var description: String {
        switch self {
        case .leftOut(let path, let output):
            "left out: \(path) (\(output))"
        case .damagedCache(let path):
            "\(path): the token cache is damaged; the text was read again"
        }
    }
}
