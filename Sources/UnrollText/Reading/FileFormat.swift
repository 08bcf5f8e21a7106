/// What a file is, as its first bytes say, if it is not a text in UTF-8.
public enum FileFormat: String, CaseIterable, Sendable {
    /// Text in UTF-16, the low byte of each unit first.
    case utf16LittleEndian = "UTF-16LE"
    /// Text in UTF-16, the high byte of each unit first.
    case utf16BigEndian = "UTF-16BE"
    /// Text in UTF-32, the lowest byte of each character first.
    case utf32LittleEndian = "UTF-32LE"
    /// Text in UTF-32, the highest byte of each character first.
    case utf32BigEndian = "UTF-32BE"
    /// Compressed by gzip (RFC 1952).
    case gzip
    /// Compressed by Zstandard (RFC 8878).
    case zstandard = "Zstandard"
    /// Compressed by bzip2.
    case bzip2
    /// Compressed by xz.
    case xz
    /// A ZIP archive, as documents of word processors are.
    case zip = "ZIP"
    /// A PDF document.
    case pdf = "PDF"
    /// A PNG picture.
    case png = "PNG"
    /// A JPEG picture.
    case jpeg = "JPEG"

    /// What such a file holds.
    public enum Contents: Sendable {
        /// Text in another encoding.
        case encodedText
        /// Compressed bytes, perhaps of a text.
        case compressed
        /// A document or a picture.
        case document
    }

    /// What such a file holds.
    public var contents: Contents {
        switch self {
        case .utf16LittleEndian, .utf16BigEndian, .utf32LittleEndian, .utf32BigEndian: .encodedText
        case .gzip, .zstandard, .bzip2, .xz, .zip: .compressed
        case .pdf, .png, .jpeg: .document
        }
    }

    /// The bytes that say the format, in the order to try them: the mark of UTF-16 begins that of UTF-32.
    private static let signatures: [(format: FileFormat, bytes: [UInt8])] = [
        (.utf32LittleEndian, [0xFF, 0xFE, 0, 0]), (.utf32BigEndian, [0, 0, 0xFE, 0xFF]),
        (.utf16LittleEndian, [0xFF, 0xFE]), (.utf16BigEndian, [0xFE, 0xFF]),
        (.gzip, [0x1F, 0x8B]), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]), (.bzip2, Array("BZh".utf8)),
        (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), (.zip, [0x50, 0x4B, 3, 4]), (.pdf, Array("%PDF-".utf8)),
        (.png, [0x89, 0x50, 0x4E, 0x47]), (.jpeg, [0xFF, 0xD8, 0xFF]),
    ]
    /// The bytes at the beginning that are looked at.
    private static let reach = 4096

    /// The format of a file by its beginning; nil for a text in UTF-8, and for what is not recognized.
    ///
    /// Some signatures are ASCII, with which a text may begin, so they count only for bytes that are not UTF-8. Text in
    /// UTF-16 or UTF-32 without a mark can be UTF-8 by chance; the zeros in it tell.
    package init?(of beginning: UnsafeBufferPointer<UInt8>, isUTF8: Bool) {
        if !isUTF8, let found = Self.signatures.first(where: { beginning.starts(with: $0.bytes) }) {
            self = found.format
            return
        }
        let bytes = UnsafeBufferPointer(rebasing: beginning.prefix(Self.reach))
        if Self.isUTF32(bytes, highest: 3, next: 2) {
            self = .utf32LittleEndian
        } else if Self.isUTF32(bytes, highest: 0, next: 1) {
            self = .utf32BigEndian
        } else if Self.isUTF16(bytes, high: 1) {
            self = .utf16LittleEndian
        } else if Self.isUTF16(bytes, high: 0) {
            self = .utf16BigEndian
        } else {
            return nil
        }
    }

    /// Whether every second byte is nearly always that of an alphabet, below U+2000, and some but only those are zero.
    private static func isUTF16(_ bytes: UnsafeBufferPointer<UInt8>, high: Int) -> Bool {
        var (units, alphabetic, zeros) = (0, 0, 0)
        for start in stride(from: 0, to: bytes.count - 1, by: 2) {
            guard bytes[start + 1 - high] != 0 else { return false }
            units += 1
            if bytes[start + high] < 0x20 { alphabetic += 1 }
            if bytes[start + high] == 0 { zeros += 1 }
        }
        return zeros >= 2 && 4 * alphabetic >= 3 * units
    }

    /// Whether every four bytes are a character, the highest byte of which is zero.
    private static func isUTF32(_ bytes: UnsafeBufferPointer<UInt8>, highest: Int, next: Int) -> Bool {
        guard bytes.count >= 8 else { return false }
        return stride(from: 0, to: bytes.count - 3, by: 4).allSatisfy { start in
            bytes[start + highest] == 0 && bytes[start + next] <= 0x10
                && (bytes[start + 3 - highest] != 0 || bytes[start + 3 - next] != 0)
        }
    }
}
