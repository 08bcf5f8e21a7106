import CUnrollKernels

/// Threads that run one function together, the caller among them.
package final class WorkerPool {
    /// The numbers of threads that a pool may have.
    package static let threadCounts = 1...Int(UNROLL_MAX_THREADS)

    package let threadCount: Int
    private let pool: OpaquePointer
    /// The pool for code that must not count references; valid while the object lives.
    package var handle: OpaquePointer { pool }

    /// Starts the threads.
    ///
    /// - Throws: `KernelError.invalidThreadCount` or `.outOfResources`.
    package init(threadCount: Int) throws(KernelError) {
        guard Self.threadCounts.contains(threadCount) else { throw .invalidThreadCount(threadCount) }
        guard let pool = unroll_pool_create(Int32(threadCount)) else {
            throw .outOfResources("\(threadCount) threads; ask for fewer")
        }
        self.threadCount = threadCount
        self.pool = pool
    }

    deinit {
        unroll_pool_destroy(pool)
    }

    /// Runs a task once on every thread and returns when all are done; allocates nothing.
    package func run(_ task: PoolTask) {
        unroll_pool_run(pool, PoolTask.call, Unmanaged.passUnretained(task).toOpaque())
    }

    /// Runs a function that takes everything from the memory at `context` once on every thread.
    package func run(
        _ body: @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void,
        context: UnsafeMutableRawPointer
    ) {
        unroll_pool_run(pool, body, context)
    }

    /// Runs a closure that is used once.
    package func run(_ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { run(PoolTask($0)) }
    }

    /// Runs a closure on the calling thread, with the same arithmetic as on a pool's.
    package static func runAlone(_ body: () -> Void) {
        withoutActuallyEscaping(body) { body in
            let task = PoolTask { _ in body() }
            unroll_run_alone(PoolTask.call, Unmanaged.passUnretained(task).toOpaque())
        }
    }

    /// Waits, inside `run`, for all threads to reach this call.
    package func barrier() {
        unroll_pool_barrier(pool)
    }

    /// A thread's share of `0 ..< count`, in steps of `granularity`.
    package func share(of count: Int, granularity: Int = 1, thread: Int) -> Range<Int> {
        Self.share(of: count, granularity: granularity, part: thread, of: threadCount)
    }

    /// One of `parts` shares of `0 ..< count`, in steps of `granularity`.
    package static func share(of count: Int, granularity: Int = 1, part: Int, of parts: Int) -> Range<Int> {
        let steps = (count + granularity - 1) / granularity
        let begin = steps * part / parts * granularity
        let end = steps * (part + 1) / parts * granularity
        return min(begin, count)..<min(end, count)
    }

    /// The number of processors that this process may use.
    package static var processorCount: Int {
        Int(unroll_processor_count())
    }
}

/// A closure that every thread of a pool calls with its number, made once and run often.
///
/// The body may wait for the other threads with `barrier()`. It must be safe to run from several threads at once,
/// which the type system cannot see: every share of work writes to memory of its own.
package final class PoolTask {
    fileprivate let body: (Int) -> Void

    fileprivate static let call: @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void = { task, thread in
        guard let task else { return }
        Unmanaged<PoolTask>.fromOpaque(task).takeUnretainedValue().body(Int(thread))
    }

    package init(_ body: @escaping (Int) -> Void) {
        self.body = body
    }
}
