#if Serving
import Dispatch
import Synchronization
import UnrollKernels

/// Runs what computes for long on threads of its own, as many at once as there are processors.
///
/// Swift's own threads are as many as processors, and all requests share them: two texts that are scored there would hold up
/// everything else.
final class Computing: Sendable {
    private let executor = ComputingExecutor()
    private let places: Places

    /// Lets so many wait for a processor.
    init(queue: Int) {
        places = Places(count: WorkerPool.processorCount, queue: queue)
    }

    /// Computes something as soon as a processor is free.
    ///
    /// - Throws: `ServingError.busy` when too many wait, `CancellationError`, and what `body` throws.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await places.take()
        defer { places.putBack() }
        return try await withTaskExecutorPreference(executor) {
            try Task.checkCancellation()
            return try body()
        }
    }
}

/// Runs tasks on threads of Dispatch, where they are canceled as elsewhere.
private final class ComputingExecutor: TaskExecutor {
    private let threads = DispatchQueue(label: "unroll.computing", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        threads.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// A number of places, for which tasks wait in order.
package final class Places: Sendable {
    private struct State {
        var free: Int
        var waiting: [(number: Int, continuation: CheckedContinuation<Void, any Error>)] = []
        var count = 0
        /// Those whose task was canceled before they waited.
        var canceled: Set<Int> = []
    }

    private let state: Mutex<State>
    private let queue: Int

    /// Has so many places, and lets so many tasks wait.
    package init(count: Int, queue: Int) {
        state = Mutex(State(free: count))
        self.queue = queue
    }

    /// The number of tasks that wait.
    package var waitingCount: Int { state.withLock(\.waiting.count) }

    /// Waits for a place.
    ///
    /// - Throws: `ServingError.busy` when too many wait, `CancellationError`.
    package func take() async throws {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        // A cancellation that came too late to matter leaves its mark.
        defer { state.withLock { _ = $0.canceled.remove(number) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if state.canceled.remove(number) != nil { return .failure(CancellationError()) }
                    if state.free > 0 {
                        state.free -= 1
                        return .success(())
                    }
                    guard state.waiting.count < queue else {
                        return .failure(ServingError.busy(retryAfter: 1))
                    }
                    state.waiting.append((number, continuation))
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                    state.canceled.insert(number)
                    return nil as CheckedContinuation<Void, any Error>?
                }
                return state.waiting.remove(at: index).continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Gives a place to the next that waits.
    package func putBack() {
        let next = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil as CheckedContinuation<Void, any Error>?
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume()
    }
}

/// Texts that are being generated or wait, of which there is a greatest number.
final class TextBudget: Sendable {
    private let limit: Int
    private let used = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// Counts texts until the result is released.
    ///
    /// - Throws: `ServingError.busy` when there would be too many.
    func reserve(_ count: Int) throws(ServingError) -> Reservation {
        let before = used.wrappingAdd(count, ordering: .relaxed).oldValue
        let reservation = Reservation(count, of: self)
        // A request that is larger than the limit runs alone.
        guard before == 0 || before + count <= limit else { throw .busy(retryAfter: 1) }
        return reservation
    }

    /// Texts that are counted while this lives.
    final class Reservation: Sendable {
        private let count: Int
        private let budget: TextBudget

        fileprivate init(_ count: Int, of budget: TextBudget) {
            self.count = count
            self.budget = budget
        }

        deinit {
            budget.used.wrappingSubtract(count, ordering: .relaxed)
        }
    }
}
#endif
