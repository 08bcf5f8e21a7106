import Foundation
import UnrollCore
import UnrollModel
import UnrollStorage
import UnrollText

/// All that it takes to go on with a run in every bit: one file, so that no kill can tear it apart.
///
/// `training.safetensors` holds the parameters under their names, the recurrent state under `state.` and the position
/// as JSON in its metadata, under a seal by which changes are noticed.
package struct TrainingCheckpoint: Sendable {
    var parameters: Parameters
    var state: NamedTensors<Float>
    var position: TrainingPosition
    var corpusFingerprint: UInt64

    static let fileName = "training.safetensors"
    private static let statePrefix = "state."
    private static let format = "unroll-checkpoint"
    private static let version = "1"

    /// What the metadata hold beside the checksum of the tensors.
    private static func seal(position: String, corpus: String) -> String {
        Checksum.sha256(Data("\(position)\n\(corpus)".utf8))
    }

    func encoded() throws -> Data {
        var tensors = parameters
        tensors.entries += state.entries.map { entry in
            .init(name: Self.statePrefix + entry.name, shape: entry.shape, values: entry.values)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let position = String(decoding: try encoder.encode(position), as: UTF8.self)
        let corpus = String(corpusFingerprint, radix: 16)
        return try TensorFile.encode(
            tensors,
            metadata: [
                "format": Self.format, "version": Self.version, "position": position, "corpus": corpus,
                "seal": Self.seal(position: position, corpus: corpus),
            ])
    }

    /// Reads the checkpoint of a folder.
    init(of folder: ModelFolder) throws(TrainingError) {
        let file = folder.url(of: Self.fileName).path
        do {
            guard let data = try folder.contents(of: Self.fileName) else {
                throw TrainingError.cannotResume(
                    folder: folder.url.path,
                    reason: "there is no \(Self.fileName) in it; train with --output instead")
            }
            let (tensors, metadata) = try TensorFile.decode(data, path: file)
            guard metadata["format"] == Self.format, let version = metadata["version"].flatMap({ Int($0) })
            else {
                throw StorageError.invalidFile(path: file, reason: "not a checkpoint")
            }
            guard version == 1 else { throw StorageError.newerVersion(path: file, version: version) }
            guard let json = metadata["position"], let corpus = metadata["corpus"],
                metadata["seal"] == Self.seal(position: json, corpus: corpus),
                metadata[TensorFile.checksumKey] != nil,
                let position = try? JSONDecoder().decode(TrainingPosition.self, from: Data(json.utf8)),
                let fingerprint = UInt64(corpus, radix: 16), position.isPossible
            else { throw StorageError.invalidFile(path: file, reason: "its metadata has been changed") }
            let isState = { (entry: Parameters.Entry) in entry.name.hasPrefix(Self.statePrefix) }
            parameters = Parameters(tensors.entries.filter { !isState($0) })
            state = NamedTensors(
                tensors.entries.filter(isState).map {
                    // Before there were several layers, states had no dimension for them.
                    .init(
                        name: String($0.name.dropFirst(Self.statePrefix.count)),
                        shape: $0.shape.count == 2 ? [1] + $0.shape : $0.shape, values: $0.values)
                })
            self.position = position
            corpusFingerprint = fingerprint
        } catch let error as StorageError {
            throw .storage(error)
        } catch let error as TrainingError {
            throw error
        } catch {
            throw .cannotResume(folder: folder.url.path, reason: "\(error)")
        }
    }

    init(
        parameters: Parameters, state: NamedTensors<Float>, position: TrainingPosition,
        corpusFingerprint: UInt64
    ) {
        self.parameters = parameters
        self.state = state
        self.position = position
        self.corpusFingerprint = corpusFingerprint
    }
}
