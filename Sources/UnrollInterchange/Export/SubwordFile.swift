import Foundation
import UnrollBase
import UnrollText

/// `tokenizer.json`: subwords as Hugging Face's `tokenizers` reads them.
///
/// It cuts a text that has been preprocessed into the same tokens as ``Vocabulary/encode(_:)``.
enum SubwordFile {
    static let name = "tokenizer.json"

    private struct Document: Encodable {
        let version = "1.0"
        let model: Model
        // swift-format-ignore: AlwaysUseLowerCamelCase
        let pre_tokenizer = ByteLevel()
        let decoder = ByteLevel()
    }

    private struct Model: Encodable {
        let type = "BPE"
        let vocab: [String: Int]
        let merges: [[String]]
    }

    // swift-format-ignore: AlwaysUseLowerCamelCase
    private struct ByteLevel: Encodable {
        let type = "ByteLevel"
        let add_prefix_space = false
        let trim_offsets = true
        let use_regex = true
    }

    /// The contents of the file; nil if tokens are not subwords.
    static func contents(for vocabulary: Vocabulary) throws -> Data? {
        guard vocabulary.kind == .subwords else { return nil }
        let names = (0..<Int32(vocabulary.count)).map { id in
            id == Vocabulary.unknownID
                ? vocabulary.token(id) ?? ""
                : String(String.UnicodeScalarView(vocabulary.bytes(of: id).map(letter)))
        }
        let model = Model(
            vocab: Dictionary(zip(names, 0...)) { first, _ in first },
            merges: vocabulary.merges.map { [names[Int($0.left)], names[Int($0.right)]] })
        return try JSONEncoder.unroll.encode(Document(model: model))
    }

    /// The character that stands for a byte: itself if Latin-1 prints it, otherwise one of those from U+0100 on, as in
    /// GPT-2.
    private static func letter(for byte: UInt8) -> Unicode.Scalar {
        if isPrinted(byte) { return Unicode.Scalar(byte) }
        let rank = (UInt8.min..<byte).count { !isPrinted($0) }
        return Unicode.Scalar(0x100 + UInt32(rank)) ?? Unicode.Scalar(byte)
    }

    private static func isPrinted(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
    }
}
