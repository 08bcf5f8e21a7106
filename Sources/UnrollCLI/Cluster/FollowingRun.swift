import Foundation
import Unroll
import UnrollBase
import UnrollTraining

extension TrainCommand {
    /// Trains as process 0 has prepared it, and leaves it to that one to say and save what comes of it.
    func follow() async throws {
        guard let group = Cluster.group else { return }
        let (run, checkpoint) = try SharedRun.received(in: group)
        let temporary = TemporaryItem(in: FileManager.default.temporaryDirectory)
        // Process 0 has read them before: where it has left caches that are here as well, nothing is read twice.
        let hasCaches = FileSystem.kind(of: run.folder) == .folder
        let caches = TextCaches(folder: hasCaches ? run.folder : temporary.url)
        let texts = try await RunTexts(run.origin, caches: caches)
        let trainer =
            if let resumed = run.resumed, let checkpoint {
                try Trainer(
                    resuming: checkpoint.folder, corpus: texts.corpus, validation: texts.validation,
                    test: texts.test, epochs: resumed.epochs, maxSteps: resumed.maxSteps,
                    earlyStopping: resumed.earlyStopping, engine: engine.kind, origin: run.origin,
                    group: group)
            } else {
                try Trainer(
                    corpus: texts.corpus, validation: texts.validation, test: texts.test, model: run.model,
                    options: run.options, engine: engine.kind, origin: run.origin, group: group)
            }
        Cluster.keepsRun(in: run.folder.path)
        do {
            try await Interruption.cancelling {
                for try await _ in trainer.run() {}
            }
        } catch is CancellationError {
            // Process 0 saves a checkpoint meanwhile.
            try? Cluster.leave()
            throw CancellationError()
        }
        try Cluster.leave()
        withExtendedLifetime(temporary) {}
    }
}
