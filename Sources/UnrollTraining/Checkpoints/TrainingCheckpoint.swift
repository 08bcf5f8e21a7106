import Foundation
import UnrollBase
import UnrollEngine
import UnrollModel
import UnrollText

/// Everything needed to go on with a run bit for bit, in one file, so that no kill can tear it apart.
///
/// `training.safetensors` holds the parameters under their names, the recurrent state under `state.`, the optimizer's
/// state under `optimizer.`, the parameters to return to under `good.`, and the position as JSON in its metadata, with a
/// seal by which changes are noticed.
package struct TrainingCheckpoint: Sendable {
    var parameters: ModelParameters
    var state: NamedTensors<Float>
    var optimizer: OptimizerState
    /// The parameters to return to; nil where they are the parameters, or the run may not return.
    var good: ModelParameters?
    var position: TrainingPosition
    var corpusFingerprint: UInt64
    /// The names of the checkpoints that the run keeps beside this one, the oldest first.
    var kept: [String] = []

    static let fileName = "training.safetensors"
    private static let format = "unroll-checkpoint"
    private static let version = 1

    /// The prefixes of the names of tensors that are not parameters.
    private enum Prefix: String, CaseIterable {
        case state = "state."
        case optimizer = "optimizer."
        case good = "good."
        /// Within those of the optimizer.
        case average = "average."

        func entries(of tensors: NamedTensors<Float>) -> [NamedTensors<Float>.Entry] {
            tensors.entries.map { .init(name: rawValue + $0.name, shape: $0.shape, values: $0.values) }
        }

        func tensors(in entries: [NamedTensors<Float>.Entry]) -> NamedTensors<Float> {
            NamedTensors(
                entries.filter { $0.name.hasPrefix(rawValue) }.map {
                    .init(
                        name: String($0.name.dropFirst(rawValue.count)), shape: $0.shape, values: $0.values)
                })
        }
    }

    /// The checksum of the metadata; the tensors have one of their own.
    ///
    /// A checkpoint beside which none is kept says nothing of that, as those of earlier programs.
    private static func seal(position: String, corpus: String, kept: String?) -> String {
        Checksum.sha256(Data([position, corpus, kept].compactMap(\.self).joined(separator: "\n").utf8))
    }

    func encoded() throws -> Data {
        var tensors = parameters
        tensors.entries += Prefix.state.entries(of: state)
        tensors.entries += Prefix.optimizer.entries(of: optimizer.slots)
        if let good { tensors.entries += Prefix.good.entries(of: good) }
        var position = position
        position.optimizer = .init(steps: optimizer.steps, averagedSteps: optimizer.averagedSteps)
        let encoder = JSONEncoder.unroll
        let json = String(decoding: try encoder.encodeWithNulls(position), as: UTF8.self)
        let corpus = String(corpusFingerprint, radix: 16)
        let kept = kept.isEmpty ? nil : String(decoding: try encoder.encode(kept), as: UTF8.self)
        var metadata = [
            "format": Self.format, "version": "\(Self.version)", "position": json, "corpus": corpus,
            "seal": Self.seal(position: json, corpus: corpus, kept: kept),
        ]
        metadata["kept"] = kept
        return try TensorFile.encode(tensors, metadata: metadata)
    }

    /// Reads the checkpoint of a folder.
    ///
    /// - Throws: `FileError` when the file is damaged or cannot be read, `TrainingError.cannotResume` when the folder
    ///   has none.
    init(of folder: ModelFolder) throws {
        let file = folder.url(of: Self.fileName).path
        guard let data = try folder.contents(of: Self.fileName) else {
            throw TrainingError.cannotResume(
                folder: folder.url.path, .noCheckpoint(file: Self.fileName))
        }
        let (tensors, metadata) = try TensorFile.decode(data, path: file)
        guard metadata["format"] == Self.format, let version = metadata["version"].flatMap({ Int($0) }) else {
            throw FileError.invalid(path: file, reason: "not a checkpoint")
        }
        guard version <= Self.version else {
            throw FileError.newerVersion(path: file, version: version)
        }
        guard version == Self.version, let json = metadata["position"], let corpus = metadata["corpus"],
            metadata["seal"] == Self.seal(position: json, corpus: corpus, kept: metadata["kept"]),
            metadata[TensorFile.checksumKey] != nil,
            let position = try? JSONDecoder().decode(TrainingPosition.self, from: Data(json.utf8)),
            let fingerprint = UInt64(corpus, radix: 16), position.isPossible,
            let kept = try? JSONDecoder().decode([String].self, from: Data((metadata["kept"] ?? "[]").utf8)),
            kept.allSatisfy(RunFolder.isKeptName)
        else { throw FileError.invalid(path: file, reason: "its metadata has been changed") }
        parameters = ModelParameters(
            tensors.entries.filter { entry in
                !Prefix.allCases.contains { entry.name.hasPrefix($0.rawValue) }
            })
        state = Prefix.state.tensors(in: tensors.entries)
        optimizer = OptimizerState(
            steps: position.optimizer.steps, averagedSteps: position.optimizer.averagedSteps,
            slots: Prefix.optimizer.tensors(in: tensors.entries))
        let good = Prefix.good.tensors(in: tensors.entries)
        self.good = good.entries.isEmpty ? nil : good
        self.position = position
        corpusFingerprint = fingerprint
        self.kept = kept
    }

    /// The moment of the checkpoint of a folder; nil if there is no whole one.
    ///
    /// The tensors are not read.
    package static func moment(of folder: ModelFolder) -> TrainingMoment? {
        let json = try? TensorFile.metadata(of: folder.url(of: fileName))["position"]
        return json.flatMap { try? JSONDecoder().decode(TrainingPosition.self, from: Data($0.utf8)) }?.moment
    }

    init(_ loop: TrainingLoop, corpusFingerprint: UInt64) throws {
        parameters = try loop.engine.parameters
        state = try loop.wholeState
        optimizer = try loop.engine.optimizerState
        position = loop.position
        good = position.steps == position.guards.goodStep ? nil : loop.good
        self.corpusFingerprint = corpusFingerprint
    }

    /// The parameters of the run's model: the average where there is one.
    var learnedParameters: ModelParameters {
        guard optimizer.averagedSteps > 0 else { return parameters }
        return Prefix.average.tensors(in: optimizer.slots.entries)
    }
}
