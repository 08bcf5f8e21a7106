import Foundation
import Unroll
import UnrollBase
import UnrollCluster
import UnrollModel
import UnrollTraining

/// A run as process 0 has prepared it, for the others, which may be on machines with other files.
struct SharedRun: Codable {
    /// What a run that goes on needs beside the same options.
    struct Resumption: Codable {
        let epochs: Int?
        let maxSteps: Int?
        let earlyStopping: EarlyStopping?
    }

    let origin: CorpusOrigin
    /// The folder with the caches of large texts, which other processes may have as well.
    let folder: URL
    let model: ModelConfiguration
    let options: TrainingOptions
    /// Nil for a new run.
    let resumed: Resumption?
    /// The folder of its checkpoint.
    private var checkpoint: URL?

    private enum CodingKeys: CodingKey {
        case origin, folder, model, options, resumed
    }

    init(
        _ origin: CorpusOrigin, in folder: OutputFolder, model: ModelConfiguration, options: TrainingOptions
    ) {
        (self.origin, self.folder) = (origin, folder.url.absoluteURL)
        (self.model, self.options, resumed) = (model, options, nil)
    }

    /// A run that goes on from a checkpoint.
    init(
        _ origin: CorpusOrigin, in folder: OutputFolder, model: ModelConfiguration, options: TrainingOptions,
        from checkpoint: URL, epochs: Int?, maxSteps: Int?, earlyStopping: EarlyStopping?
    ) {
        (self.origin, self.folder) = (origin, folder.url.absoluteURL)
        (self.model, self.options, self.checkpoint) = (model, options, checkpoint)
        resumed = Resumption(epochs: epochs, maxSteps: maxSteps, earlyStopping: earlyStopping)
    }

    /// Checks, before a text is read, that each process can read it.
    ///
    /// - Throws: A failure when only one can.
    static func check(_ origin: CorpusOrigin) throws {
        let sources = origin.sources + [origin.validationSource, origin.testSource].compactMap(\.self)
        guard Cluster.group == nil || !sources.contains(CorpusReader.standardInput) else {
            throw SharedFiles.standardInputFailure
        }
    }

    /// Gives it to the other processes, if there are any.
    ///
    /// - Throws: `ClusterError`, `FileError`.
    func give() throws {
        guard let group = Cluster.group else { return }
        _ = try group.broadcast(Array(try JSONEncoder.unroll.encode(self)))
        guard let checkpoint else { return }
        _ = try SharedFiles(CheckpointWriter.fileNames(of: checkpoint), of: checkpoint, in: group)
    }

    /// Receives it from process 0, with the files of its checkpoint if it goes on.
    ///
    /// - Throws: `ClusterError`, `FileError`.
    static func received(in group: any ProcessGroup) throws -> (SharedRun, checkpoint: SharedFiles?) {
        let run = try JSONDecoder().decode(SharedRun.self, from: Data(try group.broadcast([])))
        let files = try run.resumed.map { _ in try SharedFiles([], of: run.folder, in: group) }
        return (run, files)
    }
}
