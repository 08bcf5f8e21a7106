import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// A model folder as version 1 of its formats was written, which every later program reads.
///
/// The fixture is what this command has made, without what is only about the machine:
///
///     unroll train sample --limit 400 --epochs 2 --cell lstm --hidden 4 --embedding 3 --validation 0.1 \
///         --optimizer adam --average-decay 0.9 --schedule cosine --batch 2 --sequence-length 8 --patience 3 --seed 5
@Suite struct FormatTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let fixture = try #require(
            Bundle.module.url(forResource: "model", withExtension: nil, subdirectory: "Fixtures/Formats"))
        // A resumed run writes.
        try FileManager.default.copyItem(at: fixture, to: folder("model"))
    }

    @Test func theModelIsRead() throws {
        let model = try LanguageModel(contentsOf: folder("model"))
        let configuration = model.configuration
        #expect(configuration.cell is LSTMCell.Type)
        #expect(configuration.hiddenSize == 4 && configuration.layerCount == 1)
        #expect(configuration.embeddingSize == 3)
        #expect(!configuration.tiesWeights && !configuration.hasSingleBias)
        #expect(configuration.zoneout == Zoneout())
        #expect(model.vocabulary.count == 55)
        #expect(model.vocabulary.kind == .characters && model.vocabulary.preprocessing == .none)
        #expect(model.vocabulary.decode([1, 2, 3, 4, 5]) == " etao")
        #expect(
            model.parameters.entries.map(\.name) == [
                "embedding.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0",
                "rnn.bias_hh_l0", "decoder.weight", "decoder.bias",
            ])
        let bias = try #require(model.parameters["decoder.bias"])
        #expect(bias.values.prefix(3) == [0.18278126418590546, 0.02475888654589653, 0.024593908339738846])
    }

    /// What `unroll quantize` has made of the fixture.
    @Test func theModelOfEightBitsIsRead() throws {
        let fixture = try #require(
            Bundle.module.url(
                forResource: "model-int8", withExtension: nil, subdirectory: "Fixtures/Formats"))
        let model = try LanguageModel(contentsOf: fixture)
        #expect(model.weightFormat == .int8)
        #expect(
            try model.fingerprint == LanguageModel(contentsOf: folder("model")).quantized().fingerprint)
    }

    @Test func theRecordIsRead() throws {
        let record = try TrainingRecord(of: folder("model"))
        #expect(
            record.options
                == TrainingOptions(
                    epochs: 2, batchSize: 2, sequenceLength: 8, validationFraction: 0.1,
                    earlyStopping: EarlyStopping(patience: 3),
                    optimizer: Optimizer(
                        rule: .adam(), learningRate: 0.002, averaging: .exponential(decay: 0.9)),
                    schedule: LearningRateSchedule(.cosine()), seed: 5))
        #expect(
            record.corpus
                == CorpusOrigin(
                    sources: ["sample"], preprocessing: .none, tokens: .characters, minimumFrequency: 1,
                    limit: 400))
    }

    /// As if the option had come after the file was written.
    @Test func aRecordWithoutAnOptionHasItsDefault() throws {
        let file = folder("model/training.json")
        var expected = try TrainingRecord(of: folder("model")).options
        let saved = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: file))
        var record = saved
        record["options"]?["maxRecoveries"] = nil
        #expect(record != saved)
        record["seal"] = .string("")
        record["seal"] = .string(Checksum.sha256(try JSONEncoder.unroll.encode(record)))
        try JSONEncoder.unrollPretty.encode(record).write(to: file)
        expected.maxRecoveries = TrainingOptions().maxRecoveries
        #expect(try TrainingRecord(of: folder("model")).options == expected)
        // The same change without its checksum is damage.
        record["options"]?["maxRecoveries"] = .whole(7)
        try JSONEncoder.unrollPretty.encode(record).write(to: file)
        #expect(throws: FileError.self) { try TrainingRecord(of: folder("model")) }
    }

    @Test func theReportsAreRead() throws {
        let reports = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
            .split(separator: "\n")
            .map { try JSONDecoder().decode(EpochReport.self, from: Data($0.utf8)) }
        #expect(reports.map(\.epoch) == [1, 2] && reports.map(\.step) == [22, 44])
        #expect(reports.map(\.perplexity) == [58.6885802269142, 56.37956208808085])
        #expect(reports.map(\.validationPerplexity) == [55.521431437246726, 54.666366700130745])
        #expect(reports.map(\.learningRate) == [0.0010713392, 2.5478855e-06])
    }

    @Test func theRunIsResumed() async throws {
        let corpus = try Corpus(
            bytes: SampleText.utf8, name: "sample", preprocessing: .none, tokens: .characters, limit: 400)
        let trainer = try Trainer(
            resuming: folder("model"), corpus: corpus, epochs: 4, engine: .cpu(threads: 1))
        let reports = try await trainer.runToEnd().reports
        #expect(reports.map(\.epoch) == [3, 4] && reports.map(\.step) == [65, 87])
        // What came then, but for the kernels of the machine.
        for (report, expected) in zip(
            reports, [(55.49689868741404, 53.77016004267235), (54.86108148432374, 53.369077321716276)])
        {
            #expect(abs(report.perplexity / expected.0 - 1) < 1e-4)
            #expect(abs((report.validationPerplexity ?? 0) / expected.1 - 1) < 1e-4)
        }
    }
}
