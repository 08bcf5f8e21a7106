import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Models of eight bits: what NumPy makes of them, and that everything that uses a model uses them.
@Suite struct QuantizedModelTests {
    private struct Scores: Decodable {
        let tokens: [Int32]
        /// The loss of each token after the first, in nats.
        let losses: [Double]
    }

    private static let names = ["lstm-tied", "gru-one-hot", "tanh-embedding"]

    @Test(arguments: names) func numbersAndScalesAreThoseOfNumPy(name: String) throws {
        let interchange = try InterchangeModel(name)
        let read = try interchange.quantizedModel()
        #expect(read.weightFormat == .int8)
        let quantized = try interchange.model().quantized()
        for entry in quantized.parameters.entries { #expect(read.parameters[entry.name] == entry) }
        #expect(read.parameters.entries.count == quantized.parameters.entries.count)
        #expect(try read.fingerprint == quantized.fingerprint)
    }

    @Test(arguments: names) func lossesAreThoseOfIntegerProducts(name: String) throws {
        let interchange = try InterchangeModel(name)
        let scores = try JSONDecoder().decode(
            Scores.self, from: InterchangeModel.resource("\(name)-int8", "json"))
        let (model, original) = (try interchange.quantizedModel(), try interchange.model())
        var makers = KernelLevel.available(for: .int8).map { level in
            EngineMaker { configuration, parameters, settings in
                try CPUEngine(
                    configuration: configuration, parameters: parameters, precision: settings.precision,
                    threads: 2, kernelLevel: level)
            }
        }
        makers.append(.reference)
        // From the numbers of the file, and from the weights before rounding.
        for (maker, model) in makers.flatMap({ [($0, model), ($0, original)] }) {
            let engine = try maker.engine(
                configuration: model.configuration, parameters: model.parameters,
                settings: EngineSettings(precision: .int8))
            var logits: [Float] = []
            for (index, expected) in scores.losses.enumerated() {
                try engine.advance(scores.tokens[index], logits: &logits)
                let loss = negativeLogLikelihood(of: Int(scores.tokens[index + 1]), logits: logits)
                #expect(abs(loss - expected) < 2e-6, "\(name) \(index)")
            }
        }
    }

    /// A model large enough for rounding to be seen.
    private func model() throws -> LanguageModel {
        let corpus = try Corpus(text: "the time machine, by h. g. wells")
        let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 40, layerCount: 2)
        return try LanguageModel(
            configuration: configuration, vocabulary: corpus.vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: corpus.vocabulary.count, initializer: .uniform, seed: 3))
    }

    @Test func aQuantizedModelIsComputedInInt8() async throws {
        let (model, text) = (try model(), "the machine the time ")
        let quantized = try model.quantized()
        #expect(model.precision == .float32 && quantized.precision == .int8)
        let score = try quantized.score(text)
        #expect(try score == model.score(text, precision: .int8))
        #expect(try score != model.score(text))
        // The same weights in float32, which is the rounding of weights alone.
        #expect(try score != quantized.score(text, precision: .float32))
        #expect(
            try quantized.scoreLines([text])[0].nats == model.scoreLines([text], precision: .int8)[0].nats)

        func texts(_ model: LanguageModel, _ precision: Precision?) async throws -> [String] {
            let options = TextGenerationOptions(length: 60, temperature: 1, seed: 4, precision: precision)
            var one = ""
            for try await piece in model.generate(after: "the ", options: options) { one += piece.text }
            let many = try await model.generateSamples(after: "the ", count: 3, options: options).map(\.text)
            let beam = try model.beamSearch(
                after: "the ", options: BeamSearchOptions(length: 9, precision: precision)
            ).map(\.text)
            let completions = try model.complete("the t", precision: precision).map(\.text)
            return [one] + many + beam + completions
        }
        #expect(try await texts(quantized, nil) == texts(model, .int8))
        let corpus = try Corpus(bytes: Array(text.utf8), name: "text", vocabulary: model.vocabulary)
        #expect(
            try quantized.evaluate(on: corpus).nats == model.evaluate(on: corpus, precision: .int8).nats)
        // What learns while it is evaluated learns from the rounded weights, in float32.
        _ = try quantized.evaluate(on: corpus, adapting: DynamicEvaluation())
        #expect(throws: EngineError.noTraining(.int8)) {
            try model.evaluate(on: corpus, adapting: DynamicEvaluation(), precision: .int8)
        }
    }
}
