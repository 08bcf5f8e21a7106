import Foundation
import Testing
import UnrollInterchange
import UnrollModel
import UnrollTestSupport
import UnrollText

/// What the ids of an imported network stand for.
@Suite struct ImportedVocabularyTests {
    /// Imports a network of that many tokens, which are one-hot; the decoder's bias of id 3 is 3, and so on.
    private func model(
        _ count: Int, _ vocabulary: ImportedVocabulary?, in folder: TemporaryFolder
    ) throws -> LanguageModel {
        let shapes = [("weight_ih_l0", [4, count]), ("weight_hh_l0", [4, 1]), ("out.weight", [count, 1])]
        var entries = shapes.map { name, shape in
            ModelParameters.Entry(name: name, shape: shape, values: (0..<shape.reduce(1, *)).map(Float.init))
        }
        entries.append(.init(name: "out.bias", shape: [count], values: (0..<count).map(Float.init)))
        try Safetensors.encode(ModelParameters(entries)).write(to: folder("network"))
        return try ImportedModel(contentsOf: folder("network"), vocabulary: vocabulary).model
    }

    /// The network's ids of the model's tokens, read from the decoder's biases; nil for `<unk>` that was added.
    private func rows(_ model: LanguageModel) throws -> [Int?] {
        try #require(model.parameters["decoder.bias"]).values.map { $0 < 0 ? nil : Int($0) }
    }

    private func tokens(_ model: LanguageModel) -> [String] {
        (0..<Int32(model.vocabulary.count)).compactMap(model.vocabulary.token)
    }

    @Test(arguments: [
        #"["b", "a", "\n"]"#, #"{"a": 1, "b": 0, "\n": 2}"#, #"{"1": "a", "0": "b", "2": "\n"}"#,
    ])
    func filesOfCharacters(contents: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(contents, to: "tokens")
        let model = try model(3, .file(folder("tokens")), in: folder)
        #expect(tokens(model) == ["<unk>", "b", "a", "\n"])
        #expect(model.vocabulary.kind == .characters)
        #expect(try rows(model) == [nil, 0, 1, 2])
        // A token that the network does not have is read as zeros.
        let input = try #require(model.parameters["rnn.weight_ih_l0"])
        #expect(input.shape == [4, 4])
        #expect(input.values == [0, 0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8, 0, 9, 10, 11])
    }

    @Test(arguments: ["cat\n[UNK]\ndog\n", "cat\r\n<unk>\r\ndog"]) func linesOfWords(contents: String) throws
    {
        let folder = try TemporaryFolder()
        try folder.write(contents, to: "tokens")
        let model = try model(3, .file(folder("tokens")), in: folder)
        #expect(tokens(model) == ["<unk>", "cat", "dog"])
        #expect(model.vocabulary.kind == .words)
        #expect(try rows(model) == [1, 0, 2])
    }

    @Test func aWordMayBeCalledModel() throws {
        let folder = try TemporaryFolder()
        try folder.write(#"{"model": 0, "train": 1, "the": 2}"#, to: "tokens")
        #expect(
            try tokens(model(3, .file(folder("tokens")), in: folder)) == ["<unk>", "model", "train", "the"])
    }

    @Test func ownVocabularies() throws {
        let folder = try TemporaryFolder()
        let own = try LanguageModel.untrained(text: "abcab").vocabulary
        try own.jsonData().write(to: folder("vocabulary.json"))
        let whole = try model(4, .file(folder("vocabulary.json")), in: folder)
        #expect(whole.vocabulary == own)
        #expect(try rows(whole) == [0, 1, 2, 3])
        let without = try model(3, .file(folder("vocabulary.json")), in: folder)
        #expect(try rows(without) == [nil, 0, 1, 2])
    }

    @Test func charactersOfATextInOrder() throws {
        let folder = try TemporaryFolder()
        try folder.write("bÅa\u{212B}\r\nb", to: "text")
        let exact = try model(6, .charactersOf(folder("text")), in: folder)
        #expect(tokens(exact) == ["<unk>", "\n", "\r", "a", "b", "Å", "\u{212B}"])
        // As Python reads the ends of lines.
        let translated = try model(5, .charactersOf(folder("text")), in: folder)
        #expect(tokens(translated) == ["<unk>", "\n", "a", "b", "Å", "\u{212B}"])
        expectError(naming: "the network has 7 tokens", "has 5") {
            _ = try model(7, .charactersOf(folder("text")), in: folder)
        }
    }

    @Test func bytesByTheirValues() throws {
        let model = try model(256, .bytes, in: TemporaryFolder())
        #expect(model.vocabulary.kind == .bytes)
        #expect(model.vocabulary.encode("aé").ids == [98, 0xC3 + 1, 0xA9 + 1])
        #expect(try rows(model) == [nil] + Array(0..<256))
    }

    @Test func tokenizersOfHuggingFace() throws {
        struct Expectation: Decodable {
            let text: String
            let ids: [Int]
        }
        let expectation = try JSONDecoder().decode(
            Expectation.self, from: Data(contentsOf: ImportFixture.url("tokenizer-ids.json")))
        let file = try ImportFixture.url("tokenizer.json")
        let model = try model(270, .file(file), in: TemporaryFolder())
        #expect(model.vocabulary.kind == .subwords)
        #expect(model.vocabulary.merges.count == 13)
        let rows = try rows(model)
        #expect(model.vocabulary.encode(expectation.text).ids.map { rows[Int($0)] } == expectation.ids)
        expectError(naming: "token 1", "<|endoftext|>") {
            _ = try self.model(270, .file(ImportFixture.url("tokenizer-special.json")), in: TemporaryFolder())
        }
        let folder = try TemporaryFolder()
        let json = try String(contentsOf: file, encoding: .utf8)
        for (old, new, setting) in [
            ("\"add_prefix_space\":false", "\"add_prefix_space\":true", "pre_tokenizer.add_prefix_space"),
            ("\"type\":\"BPE\"", "\"type\":\"Unigram\"", "model.type"),
            ("\"normalizer\":null", "\"normalizer\":{\"type\":\"NFC\"}", "normalizer"),
        ] {
            #expect(json.contains(old))
            try folder.write(json.replacing(old, with: new), to: "tokenizer.json")
            expectError(naming: "its \(setting) is not") {
                _ = try self.model(270, .file(folder("tokenizer.json")), in: folder)
            }
        }
    }

    @Test(arguments: [
        (#"["a", "b"]"#, "the network has 3 tokens, but"), (#"["a", "b", 3]"#, "ids from 0 on"),
        (#"{"a": 0, "b": 1, "c": 3}"#, "ids from 0 on"), (#"{"a": 0, "b": 0, "c": 1}"#, "ids from 0 on"),
        (#"{"a": 1.5}"#, "ids from 0 on"), (#"["a", "a", "b"]"#, #"token 1, "a","#),
        (#"["a", "<pad>", " "]"#, #"token 1, "<pad>","#), (#"["ab", "", "c"]"#, #"token 1, "","#),
        (#"["<unk>", "[UNK]", "c"]"#, #"token 1, "[UNK]","#), ("a\n\nb\n", #"token 1, "","#),
        (#"{"format":"unroll-vocabulary"}"#, "not a vocabulary that Unroll has written"),
        (#"{"model": {}}"#, "its model.type is not"), ("17", "ids from 0 on"),
    ])
    func otherFilesAreErrors(contents: String, message: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(contents, to: "tokens")
        expectError(naming: message) { _ = try model(3, .file(folder("tokens")), in: folder) }
    }

    @Test func aVocabularyIsNeeded() throws {
        let folder = try TemporaryFolder()
        expectError(naming: "the network has 3 tokens, and nothing says which") {
            _ = try model(3, nil, in: folder)
        }
        expectError(naming: "no such file") { _ = try model(3, .file(folder("none")), in: folder) }
        expectError(naming: "no such file") { _ = try model(3, .charactersOf(folder("none")), in: folder) }
        try Data([0xFF]).write(to: folder("bytes"))
        expectError(naming: "not a text in UTF-8") {
            _ = try model(3, .charactersOf(folder("bytes")), in: folder)
        }
        expectError(naming: "neither JSON nor text") { _ = try model(3, .file(folder("bytes")), in: folder) }
        expectError(naming: "the set of all bytes has 256") { _ = try model(3, .bytes, in: folder) }
        expectError(naming: "the list of tokens has 1") { _ = try model(3, .tokens(["a"]), in: folder) }
    }
}
