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
import UnrollTraining

/// Damaged files are errors: none ends the process, takes memory without end, or passes for something else.
///
/// `UNROLL_MUTATIONS=10000` makes as many of each file; `ulimit -v` beside it tells whether memory is asked for.
@Suite(.serialized) struct MutationTests {
    private static let count =
        ProcessInfo.processInfo.environment["UNROLL_MUTATIONS"].flatMap { Int($0) } ?? 300

    private static let text = Array(
        String(repeating: "The lamp was burning there, in the garden; été. ", count: 8).utf8)

    private func model() throws -> LanguageModel {
        try .untrained(text: "the lamp was burning there, in the garden; T")
    }

    /// Expects the text or an error of one line.
    private func expectNothingWrong(
        _ bytes: [UInt8], _ text: [UInt8], mutation: Int, decompress: ([UInt8]) throws -> [UInt8]
    ) {
        do {
            let result = try decompress(bytes)
            #expect(result == text, "mutation \(mutation)")
        } catch {
            #expect(error is CompressionError, "mutation \(mutation): \(error)")
            #expect(!"\(error)".contains("\n"))
        }
    }

    @Test(arguments: [false, true])
    func compressedTexts(isAdaptive: Bool) throws {
        let model = try model()
        func decompress(_ bytes: [UInt8]) throws -> [UInt8] {
            let decompressor = Decompressor(isAdaptive ? nil : model, threads: 1)
            let text = try decompressor.decompress(bytes)
            try decompressor.finish()
            return text
        }
        let compressor =
            isAdaptive ? Compressor.adaptive(threads: 1) : Compressor(model, threads: 1)
        let compressed = try compressor.compress(Self.text) + compressor.finish()
        // Before the first block: fields, the model or the alphabet, an unknown length, a checksum.
        let head = 8 + (isAdaptive ? 32 : 16) + 1 + 4
        // The last: nothing, the length of 400 bytes, a checksum.
        let tail = 1 + 2 + 4
        for index in 0..<Self.count {
            var mutation = Mutation(seed: index)
            let changed = mutation.apply(to: compressed)
            if changed != compressed {
                expectNothingWrong(changed, Self.text, mutation: index, decompress: decompress)
            }
            // A forger makes the block's own checksum right, so that the decoder gets to see it.
            let block = mutation.apply(to: Array(compressed[head..<compressed.count - tail - 4]))
            let forged =
                compressed[..<head] + block + RunningChecksum.prefix(4, of: block)
                + compressed.suffix(tail)
            expectNothingWrong(Array(forged), Self.text, mutation: index, decompress: decompress)
            let start = mutation.apply(to: Array(compressed[..<(head - 4)]))
            expectNothingWrong(
                start + RunningChecksum.prefix(4, of: start) + compressed[head...], Self.text,
                mutation: index, decompress: decompress)
        }
    }

    private func modelWithNGrams() throws -> LanguageModel {
        let plain = try model()
        var configuration = plain.configuration
        configuration.ngrams = NGramConfiguration(order: 3)
        let corpus = try Corpus(bytes: Self.text, name: "", vocabulary: plain.vocabulary)
        return try LanguageModel(
            configuration: configuration, vocabulary: plain.vocabulary, parameters: plain.parameters,
            ngrams: NGramModel(of: corpus.tokens, vocabularySize: plain.vocabulary.count, order: 3))
    }

    @Test(
        arguments: ["config.json", "vocabulary.json", "ngrams.bin", "model.safetensors"],
        WeightFormat.allCases)
    func filesOfAModel(name: String, format: WeightFormat) throws {
        let model = format == .int8 ? try modelWithNGrams().quantized() : try modelWithNGrams()
        let fingerprint = try model.fingerprint
        let folder = try TemporaryFolder()
        try model.save(to: folder("model"))
        let file = folder("model/\(name)")
        let whole = Array(try Data(contentsOf: file))
        // Without its seal, as PyTorch writes files, more of a damaged model is read.
        let unsealed = try unsealed(model, in: folder("model/model.safetensors"))
        for isSealed in [true, false] {
            if !isSealed { try unsealed.write(to: folder("model/model.safetensors")) }
            let original = isSealed || name != "model.safetensors" ? whole : Array(unsealed)
            for index in 0..<Self.count {
                var mutation = Mutation(seed: index)
                let changed = mutation.apply(to: original)
                guard changed != original else { continue }
                try Data(changed).write(to: file)
                do {
                    let read = try LanguageModel(contentsOf: folder("model"))
                    if isSealed { #expect(try read.fingerprint == fingerprint, "mutation \(index)") }
                    try use(read)
                } catch {
                    #expect(
                        error is any UnrollError || error is TextError || error is KernelError,
                        "mutation \(index): \(error)")
                    #expect(!"\(error)".contains("\n"))
                }
            }
            try Data(whole).write(to: file)
        }
    }

    /// The parameters' file without metadata: its header says less, and the elements are those that were saved.
    private func unsealed(_ model: LanguageModel, in file: URL) throws -> Data {
        guard model.weightFormat == .int8 else { return try Safetensors.encode(model.parameters) }
        let whole = try Data(contentsOf: file)
        let length = whole.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = String(decoding: whole[8..<8 + length], as: UTF8.self)
        let tensors = try #require(header.firstMatch(of: /"__metadata__":\{[^}]*\},/)).range
        let bare = Data(header.replacingCharacters(in: tensors, with: "").utf8)
        return withUnsafeBytes(of: UInt64(bare.count).littleEndian) { Data($0) } + bare
            + whole[(8 + length)...]
    }

    /// Whatever can be read can be used, or says why not.
    private func use(_ model: LanguageModel) throws {
        let text = Array(Self.text.prefix(100))
        let compressed = try model.compress(text, threads: 1)
        #expect(try model.decompress(compressed, threads: 1) == text)
        let corpus = try Corpus(bytes: text, name: "text", vocabulary: model.vocabulary)
        do {
            _ = try model.evaluate(on: corpus, threads: 1)
        } catch is TextError {
            // Nothing is left of the text after other preprocessing.
        }
    }

    @Test(arguments: ["training.json", "training.safetensors"])
    func filesOfACheckpoint(name: String) async throws {
        let corpus = try Corpus(bytes: Self.text, name: "text")
        let folder = try TemporaryFolder()
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(hiddenSize: 2),
            options: TrainingOptions(
                epochs: 2, batchSize: 2, sequenceLength: 5,
                optimizer: Optimizer(rule: .adam(), learningRate: 0.01)
            ),
            engine: .cpu(threads: 1))
        for try await event in trainer.run() {
            if case .epoch = event { break }
        }
        try trainer.saveCheckpoint(to: folder("model"))
        let file = folder("model/\(name)")
        let whole = Array(try Data(contentsOf: file))
        for index in 0..<Self.count {
            var mutation = Mutation(seed: index)
            try Data(mutation.apply(to: whole)).write(to: file)
            do {
                _ = try Trainer(resuming: folder("model"), corpus: corpus, engine: .cpu(threads: 1))
            } catch {
                #expect(!"\(error)".contains("\n"), "mutation \(index)")
            }
        }
    }
}
