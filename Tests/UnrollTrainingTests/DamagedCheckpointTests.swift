import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollTestSupport
import UnrollText
import UnrollTraining

/// Checkpoints that are not whole, or of another text, are refused.
@Suite struct DamagedCheckpointTests {
    private let corpus: Corpus
    private let folder: TemporaryFolder
    private var model: URL { folder("model") }

    init() async throws {
        corpus = try TestTraining.corpus(length: 300)
        folder = try TemporaryFolder()
        let trainer = try Trainer(
            corpus: corpus, model: ModelConfiguration(hiddenSize: 2), options: TestTraining.options(),
            engine: .cpu(threads: 1))
        try await trainer.run(epochs: 1)
        try trainer.saveCheckpoint(to: model)
    }

    private func resume(_ other: Corpus? = nil) throws {
        _ = try Trainer(resuming: model, corpus: other ?? corpus, engine: .cpu(threads: 1))
    }

    private func write(_ data: Data, to name: String) throws {
        try data.write(to: model.appendingPathComponent(name))
    }

    private func contents(of name: String) throws -> Data {
        try Data(contentsOf: model.appendingPathComponent(name))
    }

    @Test func theCheckpointIsWholeBefore() throws {
        try resume()
    }

    @Test func anotherTextIsRefused() throws {
        for other in [
            try TestTraining.corpus(length: 300, seed: 2), try TestTraining.corpus(length: 299),
            try Corpus(text: "nothing of this"),
        ] {
            expectError(naming: model.path, "is not the text of the run") {
                try resume(other)
            }
        }
    }

    @Test func noEpochsAreRefused() {
        expectError(naming: "it has done 1 epochs") {
            _ = try Trainer(resuming: model, corpus: corpus, epochs: 0)
        }
    }

    @Test func aFolderThatIsNotThereIsNamed() {
        expectError(naming: folder("nowhere").path, "no such file or folder") {
            _ = try Trainer(resuming: folder("nowhere"), corpus: corpus)
        }
        expectError(naming: "is a file") {
            _ = try Trainer(resuming: model.appendingPathComponent("config.json"), corpus: corpus)
        }
    }

    @Test func aModelWithoutACheckpointIsNamed() throws {
        try LanguageModel(contentsOf: model).save(to: folder("other"))
        expectError(naming: folder("other").path, "there is no training.json", "start a new run") {
            _ = try Trainer(resuming: folder("other"), corpus: corpus)
        }
        try FileManager.default.removeItem(at: model.appendingPathComponent("training.safetensors"))
        expectError(naming: model.path, "there is no training.safetensors") { try resume() }
    }

    @Test(arguments: ["training.json", "training.safetensors"])
    func everyTruncationIsNoticed(name: String) throws {
        let whole = try contents(of: name)
        // All lengths of the short file; of the long one those around the header, and some.
        for length in stride(from: 0, to: whole.count - 1, by: name == "training.json" ? 1 : 7) {
            try write(whole.prefix(length), to: name)
            expectError(naming: name) { try resume() }
        }
    }

    @Test(arguments: ["training.json", "training.safetensors"])
    func everyFlippedBitIsNoticed(name: String) throws {
        let whole = try contents(of: name)
        for index in whole.indices {
            var flipped = whole
            flipped[index] ^= 1 << (index % 8)
            try write(flipped, to: name)
            expectError { try resume() }
        }
    }

    @Test func aLaterVersionIsNamed() throws {
        try write(Data(#"{"format":"unroll-training","version":2,"new":true}"#.utf8), to: "training.json")
        expectError(naming: "training.json", "version 2", "newer Unroll") { try resume() }
    }

    @Test func aLaterVersionOfTheCheckpointIsNamed() throws {
        let name = "training.safetensors"
        let (tensors, metadata) = try TensorFile.decode(try contents(of: name), path: name)
        var later = metadata
        later["version"] = "2"
        try write(try TensorFile.encode(tensors, metadata: later), to: name)
        expectError(naming: name, "version 2", "newer Unroll") { try resume() }
    }

    /// Positions that somebody has written, with all checksums right.
    @Test(arguments: ["epoch", "minibatch", "tokens", "totalTokens"], [-1, Int.max, .min])
    func impossibleCountsAreRefused(key: String, value: Int) async throws {
        let name = "training.safetensors"
        let (tensors, metadata) = try TensorFile.decode(try contents(of: name), path: name)
        let position = try #require(metadata["position"])
        let changed = position.replacing(
            try Regex("\"\(key)\":[0-9]+"), with: "\"\(key)\":\(value)", maxReplacements: 1)
        var crafted = metadata
        crafted["position"] = changed
        crafted["seal"] = Checksum.sha256(Data("\(changed)\n\(metadata["corpus"] ?? "")".utf8))
        #expect(changed != position)
        try write(try TensorFile.encode(tensors, metadata: crafted), to: name)
        expectError(naming: name) { try resume() }
    }

    /// Rotation removes the folders that a checkpoint names, so none may lead anywhere else.
    @Test(arguments: ["../../other", "step-000001/../../..", "step-", "/", "best", "step-1\u{0}"])
    func namesOfOtherFoldersAreRefused(keptName: String) throws {
        let name = "training.safetensors"
        let (tensors, metadata) = try TensorFile.decode(try contents(of: name), path: name)
        var crafted = metadata
        let kept = String(decoding: try JSONEncoder.unroll.encode([keptName]), as: UTF8.self)
        let sealed = [metadata["position"] ?? "", metadata["corpus"] ?? "", kept].joined(separator: "\n")
        crafted["kept"] = kept
        crafted["seal"] = Checksum.sha256(Data(sealed.utf8))
        try write(try TensorFile.encode(tensors, metadata: crafted), to: name)
        expectError(naming: name) { try resume() }
    }

    @Test func parametersOfAnotherModelAreRefused() throws {
        let other = try Trainer(
            corpus: corpus, model: ModelConfiguration(hiddenSize: 3), options: TestTraining.options())
        try other.saveCheckpoint(to: folder("other"))
        try write(
            try Data(contentsOf: folder("other/training.safetensors")), to: "training.safetensors")
        expectError(naming: "rnn.weight_ih_l0") { try resume() }
    }

    @Test func aCheckpointIsNotSavedOverAnotherModel() throws {
        let other = try Trainer(
            corpus: corpus, model: ModelConfiguration(hiddenSize: 3), options: TestTraining.options())
        let before = try Snapshot(of: model)
        expectError(naming: "holds another model") { try other.saveCheckpoint(to: model) }
        #expect(try Snapshot(of: model) == before)
    }
}
