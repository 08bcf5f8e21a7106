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
                : ByteAlphabet.token(of: vocabulary.bytes(of: id))
        }
        let model = Model(
            vocab: Dictionary(zip(names, 0...)) { first, _ in first },
            merges: vocabulary.merges.map { [names[Int($0.left)], names[Int($0.right)]] })
        return try JSONEncoder.unroll.encode(Document(model: model))
    }
}
