import Foundation
import UnrollBase
import UnrollText

/// Where it is said which tokens the ids of a network stand for.
public enum ImportedVocabulary: Sendable, Equatable {
    /// The tokens in the order of their ids: all of them single characters, or all of them words.
    case tokens([String])
    /// A file: a JSON list of tokens, a JSON object from tokens to ids or from ids to tokens, a model's `vocabulary.json`, a
    /// byte-level `tokenizer.json` of Hugging Face, or one token a line.
    case file(URL)
    /// The characters of a text by their code points, as `sorted(set(text))` numbers them in Python.
    case charactersOf(URL)
    /// The 256 bytes by their values.
    case bytes

    /// The numbering of the tokens of a network of `size` tokens.
    func numbering(size: Int) throws -> TokenNumbering {
        switch self {
        case .tokens(let tokens):
            try Self.check(tokens.count, against: size, source: "the list of tokens")
            return try TokenNumbering(tokens)
        case .bytes:
            try Self.check(256, against: size, source: "the set of all bytes")
            let names = (UInt8.min...UInt8.max).map { byte in
                byte < 0x80 ? String(UnicodeScalar(byte)) : "<0x\(String(byte, radix: 16, uppercase: true))>"
            }
            return TokenNumbering(
                vocabulary: try Vocabulary(tokens: ["<unk>"] + names, kind: .bytes),
                rows: [nil] + Array(0..<256))
        case .charactersOf(let url):
            return try TokenNumbering(try Self.characters(ofTextAt: url, size: size))
        case .file(let url):
            guard let data = try FileSystem.contents(of: url) else {
                throw FileError.notFound(path: url.path)
            }
            let numbering = try Self.numbering(data, path: url.path, size: size)
            let count = numbering.rows.compactMap(\.self).count
            try Self.check(count, against: size, source: url.path)
            return numbering
        }
    }

    private static func check(_ count: Int, against size: Int, source: String) throws(ImportError) {
        guard count == size else {
            throw .vocabularySize(network: size, vocabulary: count, source: source)
        }
    }

    /// The characters of a text in the order of their code points.
    ///
    /// Where Python reads a file as text, each end of a line becomes a line feed. The text is taken as that if the characters
    /// are as many as the network's tokens only then.
    private static func characters(ofTextAt url: URL, size: Int) throws -> [String] {
        guard let data = try FileSystem.contents(of: url) else { throw FileError.notFound(path: url.path) }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw FileError.invalid(path: url.path, reason: "not a text in UTF-8")
        }
        var characters = Set(text.unicodeScalars)
        if characters.count != size, characters.remove("\r") != nil { characters.insert("\n") }
        try check(characters.count, against: size, source: url.path)
        return characters.sorted().map { String($0) }
    }

    // MARK: Files

    private static func numbering(_ data: Data, path: String, size: Int) throws -> TokenNumbering {
        if let own = try own(data, path: path, size: size) { return own }
        guard let json = try? JSONDecoder().decode(JSONValue.self, from: data) else {
            return try TokenNumbering(try lines(of: data, path: path))
        }
        switch json {
        case .array(let elements):
            let tokens = elements.compactMap(\.string)
            guard tokens.count == elements.count else { break }
            return try TokenNumbering(tokens)
        case .object(let members):
            // A vocabulary of words may have that one, with its id.
            if let model = members["model"], case .object = model {
                return try HuggingFaceTokenizer(json, model: model, path: path).numbering
            }
            let pairs = members.compactMap { key, value -> (token: String, id: Int)? in
                switch value {
                case .whole(let id): Int(exactly: id).map { (key, $0) }
                case .string(let token): Int(key).map { (token, $0) }
                default: nil
                }
            }
            guard pairs.count == members.count, let tokens = TokenNumbering.tokens(byID: pairs) else { break }
            return try TokenNumbering(tokens)
        default: break
        }
        throw ImportError.invalidVocabulary(
            path: path, reason: "not a vocabulary of tokens with ids from 0 on")
    }

    /// A model's own vocabulary, of which the network may or may not have the unknown token; nil for another file.
    private static func own(_ data: Data, path: String, size: Int) throws -> TokenNumbering? {
        do throws(TextError) {
            let vocabulary = try Vocabulary(jsonData: data)
            let ids = Array(0..<vocabulary.count)
            return TokenNumbering(
                vocabulary: vocabulary, rows: ids.count == size + 1 ? [nil] + ids.dropLast() : ids)
        } catch {
            guard data.starts(with: Data("{\"format\":\"unroll-vocabulary\"".utf8)) else { return nil }
            throw ImportError.invalidVocabulary(
                path: path, reason: "not a vocabulary that Unroll has written")
        }
    }

    /// One token a line.
    private static func lines(of data: Data, path: String) throws(ImportError) -> [String] {
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .invalidVocabulary(path: path, reason: "neither JSON nor text in UTF-8")
        }
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map(
            String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}

extension JSONValue {
    var string: String? { if case .string(let value) = self { value } else { nil } }
}
