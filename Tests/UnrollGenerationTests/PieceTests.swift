import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Texts that a model reads in pieces.
@Suite struct PieceTests {
    private static let text =
        " The cat  sat on\n\nthe MAT; thé e\u{301} hat\u{2003}satt. \u{FEFF}Σ'at\r\n on-top \u{308} of it all \n"

    private func model(
        _ kind: TokenKind, _ preprocessing: Preprocessing = .none, knowing text: String = PieceTests.text
    ) throws -> LanguageModel {
        let vocabulary = try Corpus(text: text, preprocessing: preprocessing, tokens: kind).vocabulary
        let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 9)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 3))
    }

    private func read(_ pieces: some Sequence<String>, _ model: LanguageModel) throws -> GenerationState {
        var state: GenerationState?
        for piece in pieces { state = try model.read(piece, after: state, threads: 1) }
        return try #require(state)
    }

    private func continuation(of state: GenerationState, by model: LanguageModel) async throws -> String {
        var text = ""
        let options = TextGenerationOptions(length: 12, temperature: 1, seed: 5)
        for try await piece in model.generate(from: state, options: options, threads: 1) {
            text += piece.text
        }
        return text
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func aTextInPiecesGivesTheStateOfTheWhole(kind: TokenKind, preprocessing: Preprocessing) async throws {
        let model = try model(kind, preprocessing)
        var random = RandomSource(seed: 8, purpose: .generation)
        let scalars = Array(Self.text.unicodeScalars)
        for count in (2...scalars.count) where count % 3 != 0 {
            let text = scalars.prefix(count)
            // The first piece has a token.
            var cuts = Set((0..<random.integer(below: 9)).map { _ in 2 + random.integer(below: count) })
            cuts = cuts.filter { $0 < count }
            let ends = cuts.sorted() + [count]
            let pieces = zip([0] + ends, ends).map { String(String.UnicodeScalarView(text[$0..<$1])) }
            let whole = try read([pieces.joined()], model)
            let parts = try read(pieces, model)
            #expect(parts == whole, "\(pieces)")
            #expect(
                try await continuation(of: parts, by: model) == continuation(of: whole, by: model))
        }
    }

    @Test func aWordGoesOnInTheNextPiece() throws {
        let model = try model(.words)
        let open = try model.read("the ca")
        #expect(open.tokenCount == 2)
        #expect(try read(["the ca", "t sat"], model) == model.read("the cat sat"))
        #expect(try read(["the ca", " sat"], model) != model.read("the cat sat"))
        #expect(try read(["t", "h", "e", " ", "c", "a", "t"], model) == model.read("the cat"))
        // What was read before is as it was.
        #expect(try open == model.read("the ca"))
    }

    @Test func subwordsOfAnOpenEndAreTakenBack() throws {
        let model = try model(.subwords, knowing: "the cat sat; the cats sat")
        let open = try model.read("the catsx")
        #expect(open.tokenCount == 4)
        #expect(try read(["the c", "at"], model) == model.read("the cat"))
        #expect(try read(["the ca", " sat"], model) != model.read("the cat sat"))
        #expect(try read(["t", "h", "e", " ", "c", "a", "t"], model) == model.read("the cat"))
        #expect(try open == model.read("the catsx"))
    }

    @Test func aLongTextKeepsItsLastTokens() throws {
        let subwords = try model(.subwords)
        for count in [250, 256, 507, 512, 1025] {
            let text = String(repeating: "!\n", count: count / 2) + "zyxwvu"
            #expect(try read([text, "ts", " on"], subwords) == subwords.read(text + "ts on"))
        }
        let model = try model(.words)
        for count in [255, 256, 511, 512, 513, 1024] {
            let text = String(repeating: "the cat ", count: count / 2) + (count % 2 == 1 ? "sa" : "")
            #expect(try read([text, "t", " on"], model) == model.read(text + "t on"))
        }
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func statesAreSavedBetweenPieces(kind: TokenKind, preprocessing: Preprocessing) throws {
        let model = try model(kind, preprocessing)
        let pieces = ["The c", "at ", " sa", "t on", " ", " the"]
        var state: GenerationState?
        for piece in pieces {
            let next = try model.read(piece, after: state)
            let data = try next.data(for: model)
            state = try GenerationState(data: data, for: model)
            #expect(state == next)
        }
        #expect(try state == model.read(pieces.joined()))
    }

    @Test func statesOfEarlierVersionsAreContinued() throws {
        for (kind, pieces, whole) in [
            (TokenKind.characters, ["the ", " cat"], "the cat"), (.words, ["the", "cat"], "the cat"),
        ] {
            let model = try model(kind, .lowercase)
            var (tensors, metadata) = try Safetensors.decode(model.read(pieces[0]).data(for: model))
            tensors.entries.removeAll { $0.name.hasPrefix("beforeOpenWord.") }
            metadata["isAfterSpace"] = nil
            metadata["openWord"] = nil
            metadata["seal"] = nil
            let earlier = try GenerationState(
                data: TensorFile.encode(tensors, metadata: metadata), for: model)
            let state = try model.read(pieces[1], after: earlier)
            #expect(try state.recentTokens == model.read(whole).recentTokens)
            #expect(try state.logits == model.read(whole).logits)
        }
    }

    @Test func damagedOpenWordsAreNoticed() throws {
        let model = try model(.words)
        let data = try model.read("the ca").data(for: model)
        let changes: [(inout ModelParameters, inout [String: String]) -> Void] = [
            { tensors, _ in tensors.entries.removeAll { $0.name == "beforeOpenWord.c" } },
            { tensors, _ in
                for index in tensors.entries.indices
                where tensors.entries[index].name == "beforeOpenWord.logits" {
                    tensors.entries[index].shape = [1]
                    tensors.entries[index].values = [0]
                }
            },
            { _, metadata in metadata["recentTokens"] = "" },
            { _, metadata in metadata["isAfterSpace"] = "perhaps" },
        ]
        let subwords = try self.model(.subwords)
        let subwordData = try subwords.read("the ca").data(for: subwords)
        for list in [nil, "x", "9999"] as [String?] {
            var (tensors, metadata) = try Safetensors.decode(subwordData)
            metadata["seal"] = nil
            metadata["beforeOpenWord.recentTokens"] = list
            let damaged = try TensorFile.encode(tensors, metadata: metadata)
            #expect(throws: GenerationError.self) { try GenerationState(data: damaged, for: subwords) }
        }
        for change in changes {
            var (tensors, metadata) = try Safetensors.decode(data)
            metadata["seal"] = nil
            change(&tensors, &metadata)
            let damaged = try TensorFile.encode(tensors, metadata: metadata)
            #expect(throws: GenerationError.self) { try GenerationState(data: damaged, for: model) }
        }
        // A word with white space in it is no harm.
        var (tensors, metadata) = try Safetensors.decode(data)
        metadata["seal"] = nil
        metadata["openWord"] = " c\u{2003}\u{301}a"
        let odd = try GenerationState(data: TensorFile.encode(tensors, metadata: metadata), for: model)
        #expect(try model.read("t", after: odd).tokenCount == 3)
        #expect(try model.complete(from: odd) == [])
    }

    // MARK: Completions

    @Test func afterASpaceANewWordBegins() throws {
        let text = "the cat sat on the mat"
        let model = try model(.characters, .lowercase, knowing: text)
        let inside = try model.complete("The cat sat on", count: 40, maximumLength: 3)
        #expect(inside.contains { $0.text.isEmpty })
        for pieces in [["The cat sat on "], ["The cat sat on", " "], ["The cat sat on ", "\n"]] {
            let state = try read(pieces, model)
            let found = try model.complete(from: state, count: 40, maximumLength: 3)
            #expect(!found.contains { $0.text.isEmpty } && found.count == 40)
            #expect(try model.complete(pieces.joined(), count: 40, maximumLength: 3) == found)
        }
    }

    @Test func subwordsOfAWordMayBeOthersOnceItIsComplete() throws {
        let model = try model(.subwords, knowing: "the cat sat; the cats sat, the cat")
        let cat = try #require(model.vocabulary.id(of: " cat"))
        #expect(model.vocabulary.id(of: " ca") != nil || model.vocabulary.id(of: "at") != nil)
        for pieces in [["the ca"], ["the", " c", "a"], ["the c", "a"], ["t", "he ca"]] {
            let state = try read(pieces, model)
            let found = try model.complete(from: state, count: 5, maximumLength: 2)
            #expect(try model.complete(pieces.joined(), count: 5, maximumLength: 2) == found)
            // The token of the whole word is among those that begin as typed.
            let all = try model.complete(from: state, count: 100_000, maximumLength: 1)
            #expect(all.contains { $0.text == "t" })
            #expect(all.allSatisfy { $0.probability > 0 && $0.probability <= 1 })
            #expect(Set(all.map(\.text)).count == all.count)
        }
        #expect(try model.read("the cat").recentTokens.last == cat)
        // After a space, the token of the next word has it.
        let next = try model.complete("the ", count: 100_000, maximumLength: 1)
        #expect(next.contains { $0.text == "cat" } && !next.contains { $0.text.isEmpty })
        #expect(try model.complete("ca", count: 3, maximumLength: 2).count == 3)
    }

    @Test func aStateWithinAWordIsCompleted() throws {
        let model = try model(.words, .letters)
        for pieces in [["the ca"], ["the c", "a"], ["the-c", "a"], ["the;", "sat ", "sa"], ["s", "a"]] {
            let found = try model.complete(from: read(pieces, model), count: 9)
            #expect(try model.complete(pieces.joined(), count: 9) == found)
            #expect(!found.isEmpty && found.allSatisfy { "cat sat satt".contains($0.text) })
            #expect(abs(found.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
        }
    }

    // MARK: What is generated

    @Test(arguments: [TokenKind.words, .characters]) func aGeneratedWordIsComplete(kind: TokenKind)
        async throws
    {
        let model = try model(kind, .lowercase, knowing: "the cat sat")
        var summary: GenerationSummary?
        for try await piece in model.generate(after: "the ca", options: .init(length: 3, seed: 2)) {
            summary = piece.summary ?? summary
        }
        let state = try #require(summary).state
        let next = try model.read("t", after: state)
        #expect(next.tokenCount == state.tokenCount + 1)
        #expect(next.recentTokens.dropLast() == state.recentTokens[...])
        // White space joins a space that was generated.
        let isAfterSpace = state.recentTokens.last == model.vocabulary.id(of: " ")
        let spaced = try model.read("  ", after: state)
        #expect(spaced.tokenCount == state.tokenCount + (kind == .words || isAfterSpace ? 0 : 1))
    }

    @Test func textsThatAPersonTypesAreJoined() throws {
        let model = try model(.words, .letters, knowing: "the cat sat on the mat")
        var guided = try GuidedText(
            model, after: "the ca", options: .init(repetitionPenalty: 2), threads: 1)
        #expect(guided.unknownTokens(in: "t") == [] && guided.unknownTokens(in: "r") == ["car"])
        try guided.append("t-")
        try guided.append("sat")
        #expect(guided.text == "t-sat")
        var whole = try GuidedText(
            model, after: "the cat-sat", options: .init(repetitionPenalty: 2), threads: 1)
        let choices = try guided.choices(9)
        #expect(try choices.map(\.probability) == whole.choices(9).map(\.probability))
        // A word that was chosen is complete.
        try guided.choose(choices[0])
        try guided.append("on")
        #expect(guided.text == "t-sat \(choices[0].name) on")
        #expect(guided.undo() && guided.undo() && guided.undo())
        #expect(guided.text == "t-")
    }
}
