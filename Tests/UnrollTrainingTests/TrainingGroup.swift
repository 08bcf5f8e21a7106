import Foundation
import UnrollTestSupport
import UnrollTraining

/// Threads that train as processes of a group.
enum TrainingGroup {
    /// Trains to the end in so many processes, of which the first saves to a folder.
    ///
    /// - Returns: The events of each process.
    @discardableResult
    static func train(
        _ size: Int, to folder: URL, policy: CheckpointPolicy = .init(seconds: nil, steps: 4),
        _ trainer: @escaping @Sendable (LocalProcessGroup) throws -> Trainer
    ) throws -> [[TrainingEvent]] {
        try LocalProcessGroup.runTasks(size) { group in
            let trainer = try trainer(group)
            let writer = group.rank == 0 ? try CheckpointWriter(trainer, folder: folder, policy: policy) : nil
            var events: [TrainingEvent] = []
            for try await event in trainer.run() {
                try writer?.follow(event)
                await writer?.wait()
                events.append(event)
            }
            try await writer?.finish()
            return events
        }.map { try $0.get() }
    }
}
