import Foundation
import Testing
import UnrollBase
import UnrollCompression
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Whether what was compressed comes back in every bit, and is as short as the model's predictions are good.
@Suite struct CompressionTests {
    private static let english =
        "The Time Traveller (for so it will be convenient to speak of him)\n\n  was EXPOUNDING a recondite matter. "

    /// Texts and bytes of every kind, none of which the models' vocabularies cover.
    static let inputs: [String: [UInt8]] = {
        var source = RandomSource(seed: 3, purpose: .generation)
        var inputs: [String: [UInt8]] = [
            "empty": [], "one byte": [0x74], "a zero": [0], "all bytes": Array(0...255),
            "random": (0..<3000).map { _ in UInt8(source.integer(below: 256)) },
            "of one letter": Array(repeating: 0x65, count: 20_000),
            "white space": Array(" \n\t  \r\n\u{3000}\u{85} ".utf8),
            "a long word": Array(String(repeating: "abc", count: 4000).utf8),
            "a cut character": Array("t\u{E9}".utf8.dropLast()) + Array(" \u{20AC}".utf8.dropLast()),
            "a byte-order mark": Array("\u{FEFF}the ".utf8),
        ]
        for (name, text) in [
            "English": english, "capitals": english.uppercased(), "lower case": english.lowercased(),
            "Russian": "Все счастливые семьи похожи друг на друга, ",
            "Chinese": "道可道,非常道。名可名,非常名。", "Greek and İ": "Μῆνιν ἄειδε, θεά ǅ İstanbul ŉ ",
            "emoji": "👩‍👩‍👧 the 🏳️‍🌈 time",
        ] {
            inputs[name] = Array(String(repeating: text, count: 40).utf8)
        }
        return inputs
    }()

    private static func model(
        _ cell: any RecurrentCell.Type = GRUCell.self, tokens: TokenKind = .characters,
        preprocessing: Preprocessing = .none, layers: Int = 1, ngrams: NGramConfiguration? = nil,
        seed: UInt64 = 1
    ) throws -> LanguageModel {
        let corpus = try Corpus(
            text: english + "\u{E9}t\u{E9}", preprocessing: preprocessing, tokens: tokens)
        let vocabulary = corpus.vocabulary
        let configuration = ModelConfiguration(
            cell: cell, hiddenSize: 9, layerCount: layers, ngrams: ngrams)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: seed),
            ngrams: ngrams.map {
                try NGramModel(of: corpus.tokens, vocabularySize: vocabulary.count, order: $0.order)
            })
    }

    @Test(arguments: TokenKind.allCases, Preprocessing.allCases)
    func anyBytesComeBack(tokens: TokenKind, preprocessing: Preprocessing) throws {
        let model = try Self.model(tokens: tokens, preprocessing: preprocessing)
        for (name, bytes) in Self.inputs {
            let compressed = try model.compress(bytes, threads: 1)
            // What cannot be made smaller grows by its header and checksums alone.
            #expect(compressed.count <= bytes.count + 60, "\(name)")
            #expect(try model.decompress(compressed, threads: 1) == bytes, "\(name)")
        }
    }

    @Test(arguments: ModelConfiguration.builtInCells.map { $0.name }, Precision.allCases)
    func threadsDoNotMatter(cell: String, precision: Precision) throws {
        let cell = try #require(ModelConfiguration.builtInCells.first { $0.name == cell })
        let bytes = Array(String(repeating: Self.english, count: 400).utf8)
        for layers in 1...2 {
            let model = try Self.model(cell, layers: layers)
            let one = try model.compress(bytes, precision: precision, threads: 1)
            let two = try model.compress(bytes, precision: precision, threads: 2)
            #expect(one == two)
            #expect(try model.decompress(one, threads: 2) == bytes)
            #expect(try model.decompress(one, threads: 1) == bytes)
        }
    }

    @Test(arguments: Precision.allCases)
    func kernelsAreThoseOfTheCompressor(precision: Precision) throws {
        let model = try Self.model()
        let bytes = Array(String(repeating: Self.english, count: 30).utf8)
        for level in KernelLevel.available(for: precision) {
            let compressor = Compressor(
                model, .cpu, EngineSettings(precision: precision, threads: 1, kernelLevel: level))
            let compressed = try compressor.compress(bytes) + compressor.finish()
            #expect(try model.decompress(compressed) == bytes)
        }
        // Byte 7 names the kernels, and a checksum follows at byte 24 and more.
        guard precision != .int8 else { return }
        var other = try model.compress(bytes)
        other[7] ^= 1
        #expect(throws: CompressionError.self) { try model.decompress(other) }
    }

    /// In int8 all kernels compute the same bits, and any of them decompresses what another has compressed.
    @Test(arguments: KernelLevel.available(for: .int8), [false, true])
    func kernelsOfEightBitsAreAlike(level: KernelLevel, isQuantized: Bool) throws {
        let plain = try Self.model(LSTMCell.self, layers: 2)
        let model = isQuantized ? try plain.quantized() : plain
        let bytes = Array(String(repeating: Self.english, count: 30).utf8)
        let expected = try model.compress(bytes, precision: .int8, threads: 1)
        let compressor = Compressor(
            model, .cpu, EngineSettings(precision: .int8, threads: 1, kernelLevel: level),
            byteCount: bytes.count)
        #expect(try compressor.compress(bytes) + compressor.finish() == expected)
        let other = model.computed(
            by: EngineMaker { configuration, parameters, settings in
                try CPUEngine(
                    configuration: configuration, parameters: parameters, precision: settings.precision,
                    threads: settings.threads, kernelLevel: level)
            })
        #expect(try other.decompress(expected, threads: 1) == bytes)
        // The engine in double precision computes other bits.
        #expect(throws: CompressionError.compressedWithAnotherEngine) {
            try model.computed(by: .reference).decompress(expected)
        }
        // A quantized model needs no precision to be named.
        if isQuantized { #expect(try model.compress(bytes, threads: 1) == expected) }
    }

    @Test(arguments: TokenKind.allCases) func countsMakeTextsShorter(tokens: TokenKind) throws {
        let (plain, model) = (
            try Self.model(tokens: tokens), try Self.model(tokens: tokens, ngrams: NGramConfiguration())
        )
        // Several lanes, whose first tokens follow the text of another.
        let bytes = Array(String(repeating: Self.english, count: 300).utf8)
        let compressed = try model.compress(bytes, threads: 1)
        #expect(try model.decompress(compressed, threads: 2) == bytes)
        #expect(try 2 * compressed.count < plain.compress(bytes, threads: 1).count)
        #expect(throws: CompressionError.self) { try plain.decompress(compressed) }
    }

    @Test func partsMakeNoDifference() throws {
        let model = try Self.model()
        let bytes = Array(String(repeating: Self.english, count: 50).utf8)
        var source = RandomSource(seed: 8, purpose: .generation)
        for _ in 0..<4 {
            let compressor = Compressor(model, threads: 1, byteCount: bytes.count)
            var compressed: [UInt8] = []
            try inParts(bytes, &source) { compressed += try compressor.compress($0) }
            compressed += try compressor.finish()
            #expect(compressed == (try model.compress(bytes, threads: 1)))
            let decompressor = Decompressor(model, threads: 1)
            var text: [UInt8] = []
            try inParts(compressed, &source) { text += try decompressor.decompress($0) }
            try decompressor.finish()
            #expect(text == bytes)
        }
    }

    private func inParts(
        _ bytes: [UInt8], _ source: inout RandomSource, _ body: (ArraySlice<UInt8>) throws -> Void
    ) rethrows {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(source.integer(below: 400))
            try body(part)
            rest = rest.dropFirst(part.count)
        }
    }

    /// More than one block, of which the first ends in a character, and bytes that do not shrink in between.
    @Test func blocksGoOnFromOneAnother() throws {
        let model = try Self.model()
        var source = RandomSource(seed: 4, purpose: .generation)
        let noise = (0..<1 << 20).map { _ in UInt8(source.integer(below: 256)) }
        let text = Array(("." + String(repeating: "été ", count: 180_000)).utf8)
        let bytes = text + noise + text
        let compressed = try model.compress(bytes)
        #expect(try model.decompress(compressed) == bytes)
    }

    @Test func theLengthIsThatOfTheCrossEntropy() throws {
        // Logits far apart, so that probabilities of all sizes occur.
        let model = try LanguageModel.untrained(text: Self.english, hiddenSize: 33) { parameters in
            for name in ["decoder.weight", "decoder.bias"] {
                parameters.set(name, to: (parameters[name]?.values ?? []).map { 9 * $0 })
            }
        }
        let text = String(repeating: Self.english, count: 2000)
        let evaluation = try model.evaluate(
            on: Corpus(bytes: text.utf8, name: "", vocabulary: model.vocabulary))
        let compressed = try model.compress(Array(text.utf8))
        let ideal = evaluation.nats / log(2) / 8
        #expect(abs(Double(compressed.count) / ideal - 1) < 0.005)
    }

    @Test func aDamagedModelIsSaid() throws {
        let model = try LanguageModel.untrained(text: "abc") { $0.fill("decoder.bias", with: .nan) }
        #expect(throws: GenerationError.notANumber) { try model.compress(Array("abc".utf8)) }
    }

    // MARK: Learning on the way

    @Test func aNetworkThatLearnsNeedsNoModel() throws {
        for (name, bytes) in Self.inputs {
            let compressor = Compressor.adaptive(threads: 1)
            let compressed = try compressor.compress(bytes) + compressor.finish()
            #expect(compressed.count <= bytes.count + 75, "\(name)")
            let decompressor = Decompressor(threads: 2)
            #expect(try decompressor.decompress(compressed) == bytes, "\(name)")
            try decompressor.finish()
        }
    }

    @Test func itLearns() throws {
        let compressor = Compressor.adaptive(threads: 1)
        let bytes = Array(String(repeating: Self.english, count: 60).utf8)
        let compressed = try compressor.compress(bytes) + compressor.finish()
        #expect(compressed.count < bytes.count / 6)
    }
}
