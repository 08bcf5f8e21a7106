import Dispatch
import Synchronization

extension LocalProcessGroup {
    /// Runs an asynchronous function as each of so many processes.
    ///
    /// Each waits for the others inside of a step, and so needs a thread of its own: the threads that tasks share may be
    /// fewer.
    ///
    /// - Returns: What it has returned or thrown in each process.
    package static func runTasks<Value: Sendable>(
        _ size: Int, patience: Double = 60,
        _ body: @escaping @Sendable (LocalProcessGroup) async throws -> Value
    ) -> [Result<Value, any Error>] {
        run(size, patience: patience) { group in
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
}

/// Runs jobs one after another on a thread of its own.
private final class QueueExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "process")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
