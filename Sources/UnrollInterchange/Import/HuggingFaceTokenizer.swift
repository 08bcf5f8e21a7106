import UnrollBase
import UnrollText

/// The `tokenizer.json` of Hugging Face's `tokenizers`, where it cuts texts as vocabularies of subwords do.
///
/// That is byte-pair encoding of the pre-tokenizer `ByteLevel(add_prefix_space=False)`, with no other special token than the
/// unknown one. Tokens may be numbered in any order.
struct HuggingFaceTokenizer {
    let numbering: TokenNumbering

    /// Reads a file; `path` is for the errors.
    ///
    /// - Throws: `ImportError.invalidVocabulary` for a tokenizer of another kind, with the property that differs.
    init(_ json: JSONValue, model: JSONValue, path: String) throws(ImportError) {
        func invalid(_ reason: String) -> ImportError { .invalidVocabulary(path: path, reason: reason) }
        let scheme = json["pre_tokenizer"]
        let settings: [(name: String, isAsNeeded: Bool)] = [
            ("model.type", model["type"] == .string("BPE")),
            ("pre_tokenizer.type", scheme?["type"] == .string("ByteLevel")),
            ("pre_tokenizer.add_prefix_space", scheme?["add_prefix_space"] == .bool(false)),
            ("pre_tokenizer.use_regex", scheme?["use_regex"] ?? .bool(true) == .bool(true)),
            ("normalizer", json["normalizer"].isUnset), ("model.dropout", model["dropout"].isUnset),
            ("model.byte_fallback", model["byte_fallback"].isUnset),
            ("model.ignore_merges", model["ignore_merges"].isUnset),
            ("model.continuing_subword_prefix", model["continuing_subword_prefix"].isUnset),
            ("model.end_of_word_suffix", model["end_of_word_suffix"].isUnset),
        ]
        if let setting = settings.first(where: { !$0.isAsNeeded }) {
            throw invalid("its \(setting.name) is not that of byte-level byte-pair encoding without a prefix")
        }
        guard case .object(let ids)? = model["vocab"], case .array(let merges)? = model["merges"] else {
            throw invalid("it has no vocabulary or no merges")
        }
        var encoding = BytePairEncoding()
        let bytes = Vocabulary(subwords: encoding)
        var tokens = Dictionary(
            uniqueKeysWithValues: (1..<Int32(bytes.count)).map { (bytes.bytes(of: $0), $0) })
        for (index, merge) in merges.enumerated() {
            let parts = Self.pair(merge).compactMap { ByteAlphabet.bytes(ofToken: $0) }
            let ids = parts.compactMap { tokens[$0] }
            guard ids.count == 2, let token = encoding.add(TokenPair(left: ids[0], right: ids[1])) else {
                throw invalid("merge \(index) is not one of two tokens before it")
            }
            tokens[parts[0] + parts[1]] = token
        }
        var rows = [Int?](repeating: nil, count: encoding.count)
        for (name, value) in ids {
            guard case .whole(let id) = value, let row = Int(exactly: id) else {
                throw invalid("the id of \(name.debugDescription) is not a whole number")
            }
            let isUnknown = TokenNumbering.unknownTokens.contains(name)
            guard let token = isUnknown ? 0 : ByteAlphabet.bytes(ofToken: name).flatMap({ tokens[$0] }) else {
                throw ImportError.unsupportedToken(id: row, name)
            }
            rows[Int(token)] = row
        }
        guard Set(rows.compactMap(\.self)) == Set(0..<ids.count), !rows.dropFirst().contains(nil)
        else { throw invalid("its ids are not those of all bytes and merges, from 0 on") }
        numbering = TokenNumbering(vocabulary: Vocabulary(subwords: encoding), rows: rows)
    }

    /// The two tokens of a merge, which are a list or, in files of earlier versions, stand around a space.
    private static func pair(_ merge: JSONValue) -> [String] {
        switch merge {
        case .array(let tokens): tokens.compactMap(\.string)
        case .string(let tokens):
            tokens.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        default: []
        }
    }
}

extension JSONValue? {
    /// Whether a setting is left as it is: absent, null, false or an empty string.
    fileprivate var isUnset: Bool {
        switch self {
        case nil, .null?, .bool(false)?, .string("")?: true
        default: false
        }
    }
}
