import Dispatch
import Foundation
import Synchronization
import UnrollTestSupport
import UnrollTraining

/// Threads that train as processes of a group.
enum TrainingGroup {
    /// Runs a function as each of so many processes.
    ///
    /// Each waits for the others inside of a step, and so needs a thread of its own: the threads that tasks share may be
    /// fewer.
    ///
    /// - Returns: What it has returned or thrown in each process.
    static func run<Value: Sendable>(
        _ size: Int, patience: Double = 60,
        _ body: @escaping @Sendable (LocalProcessGroup) async throws -> Value
    ) -> [Result<Value, any Error>] {
        LocalProcessGroup.run(size, patience: patience) { group in
            let result = Mutex<Result<Value, any Error>>(.failure(CancellationError()))
            let done = DispatchSemaphore(value: 0)
            Task(executorPreference: QueueExecutor()) {
                do {
                    let value = try await body(group)
                    result.withLock { $0 = .success(value) }
                } catch {
                    result.withLock { $0 = .failure(error) }
                }
                done.signal()
            }
            done.wait()
            return try result.withLock { try $0.get() }
        }
    }

    /// Trains to the end in so many processes, of which the first saves to a folder.
    ///
    /// - Returns: The events of each process.
    @discardableResult
    static func train(
        _ size: Int, to folder: URL, policy: CheckpointPolicy = .init(seconds: nil, steps: 4),
        _ trainer: @escaping @Sendable (LocalProcessGroup) throws -> Trainer
    ) throws -> [[TrainingEvent]] {
        try run(size) { group in
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

/// Runs jobs one after another on a thread of its own.
private final class QueueExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "process")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
