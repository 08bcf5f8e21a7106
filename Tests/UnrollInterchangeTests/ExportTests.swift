import Foundation
import Testing
import UnrollBase
import UnrollGeneration
import UnrollInterchange
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Where exports go, and what is left out of them.
@Suite struct ExportTests {
    private let folder: TemporaryFolder
    private let model: LanguageModel

    init() throws {
        folder = try TemporaryFolder()
        model = try LanguageModel.untrained(text: "the lamp")
    }

    @Test func anExportIsReplacedOnlyWhereThatIsAsked() throws {
        try model.export(to: folder("m"), as: .onnx)
        let other = try LanguageModel.untrained(text: "the lamp", seed: 2)
        #expect(throws: ExportError.exists(path: folder("m").path)) {
            try other.export(to: folder("m"), as: .onnx)
        }
        let before = try Data(contentsOf: folder("m/step.onnx"))
        try other.export(to: folder("m"), as: .onnx, replacing: true)
        #expect(try Data(contentsOf: folder("m/step.onnx")) != before)
        #expect(try folder.names(in: "m") == ["step.onnx", "sequence.onnx", "vocabulary.json"])
    }

    /// Nothing of an earlier export is left beside the new one.
    @Test func whatTheEarlierExportHadInAdditionIsRemoved() throws {
        let subwords = try LanguageModel.untrained(text: "the lamp, the lamp", tokens: .subwords)
        try subwords.export(to: folder("m"), as: .pytorch)
        #expect(try folder.names(in: "m").contains("tokenizer.json"))
        try folder.write("", to: "m/.hidden")
        try model.export(to: folder("m"), as: .pytorch, replacing: true)
        #expect(try folder.names(in: "m") == [".hidden", "model.pt", "model.py", "vocabulary.json"])
    }

    @Test func otherFilesAreNeverReplaced() throws {
        try model.export(to: folder("m"), as: .safetensors)
        for format in [ExportFormat.onnx, .pytorch] {
            #expect(throws: ExportError.holdsOtherFiles(path: folder("m").path, name: "config.json")) {
                try model.export(to: folder("m"), as: format, replacing: true)
            }
        }
        try folder.write("", to: "m/training.json")
        #expect(throws: ExportError.holdsOtherFiles(path: folder("m").path, name: "training.json")) {
            try model.export(to: folder("m"), as: .safetensors, replacing: true)
        }
        try folder.write("", to: "file")
        #expect(throws: ModelFolderError.notAFolder(path: folder("file").path)) {
            try model.export(to: folder("file"), as: .onnx)
        }
    }

    @Test func anEmptyFolderIsFilledAndParentsAreMade() throws {
        try FileManager.default.createDirectory(at: folder("empty"), withIntermediateDirectories: true)
        try model.export(to: folder("empty"), as: .pytorch)
        #expect(try folder.names(in: "empty") == ["model.pt", "model.py", "vocabulary.json"])
        try model.export(to: folder("a/b"), as: .safetensors)
        #expect(try LanguageModel(contentsOf: folder("a/b")).fingerprint == model.fingerprint)
    }

    /// The network alone, which is evaluated as such.
    @Test func ngramsAreLeftOut() throws {
        let text = "the lamp burned and the lamp burned on"
        let plain = try LanguageModel.untrained(text: text)
        var configuration = plain.configuration
        configuration.ngrams = NGramConfiguration(order: 3)
        let corpus = try Corpus(text: text)
        let mixed = try LanguageModel(
            configuration: configuration, vocabulary: plain.vocabulary, parameters: plain.parameters,
            ngrams: NGramModel(of: corpus.tokens, vocabularySize: plain.vocabulary.count, order: 3))
        for format in ExportFormat.allCases {
            try mixed.export(to: folder("mixed-\(format)"), as: format)
            let names = try plain.export(to: folder("plain-\(format)"), as: format)
            for name in names {
                #expect(
                    try Data(contentsOf: folder("mixed-\(format)/\(name)"))
                        == Data(contentsOf: folder("plain-\(format)/\(name)")), "\(name)")
            }
        }
        let network = try LanguageModel(contentsOf: folder("mixed-safetensors"))
        #expect(try network.evaluate(on: corpus).nats == plain.evaluate(on: corpus).nats)
        #expect(try network.evaluate(on: corpus).nats != mixed.evaluate(on: corpus).nats)
    }

    @Test func filesThatFormatsDoNotAllowAreRefused() throws {
        try ExportError.check(100, of: "model.pt", limit: 100)
        #expect(throws: ExportError.tooLarge(file: "model.pt", byteCount: 101, limit: 100)) {
            try ExportError.check(101, of: "model.pt", limit: 100)
        }
    }

    @Test func errorsAreOneLineWithoutFlags() {
        let errors: [ExportError] = [
            .exists(path: "/a"), .holdsOtherFiles(path: "/a", name: "b"),
            .tooLarge(file: "step.onnx", byteCount: 3_000_000_000, limit: 2_147_483_647),
            .tooManyTensors(file: "model.pt", limit: 65_534),
        ]
        for error in errors {
            #expect(!error.description.contains("\n") && !error.description.contains("--"))
            #expect(error.description.contains(";"))
        }
    }
}
