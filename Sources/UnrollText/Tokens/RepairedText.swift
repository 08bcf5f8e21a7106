import UnrollBase

/// A text made valid UTF-8, so that it can be preprocessed and cut, that remembers what it was.
///
/// U+FFFD stands for each maximal invalid subsequence. No preprocessing changes that character, except that which
/// keeps letters alone and drops it everywhere.
struct RepairedText {
    /// The valid text.
    private(set) var bytes: [UInt8] = []
    /// What each U+FFFD stands for, in order; nil for one that was in the text.
    private var originals: [[UInt8]?] = []

    private static let replacement = Array("\u{FFFD}".utf8)

    init(_ text: UnsafeBufferPointer<UInt8>) {
        EscapedText.forEachScalar(of: text) { scalar, part in
            if scalar == nil || part.elementsEqual(Self.replacement) {
                originals.append(scalar == nil ? Array(part) : nil)
                bytes += Self.replacement
            } else {
                bytes += part
            }
        }
    }

    /// The tokens of the valid text as those of the original: with its bytes, and unknown where these are invalid.
    func restored(_ text: TokenizedText) -> TokenizedText {
        var result = TokenizedText(bytes: [], ids: text.ids, starts: text.starts)
        var originals = originals[...]
        var (token, index) = (0, 0)
        while index < text.bytes.count {
            while token < text.starts.count, text.starts[token] == index {
                result.starts[token] = result.bytes.count
                token += 1
            }
            if text.bytes[index...].starts(with: Self.replacement), let original = originals.popFirst() {
                if original != nil, token > 0 { result.ids[token - 1] = Vocabulary.unknownID }
                result.bytes += original ?? Self.replacement
                index += Self.replacement.count
            } else {
                result.bytes.append(text.bytes[index])
                index += 1
            }
        }
        return result
    }
}
