import CUnrollKernels
import Synchronization
import UnrollKernels

/// What all tensors share: kernels, threads, memory.
///
/// Results are the same bit for bit, whether one thread works or several, and whichever task asks first: threads divide
/// the elements of the result, never the terms of one sum.
final class TensorRuntime: @unchecked Sendable {
    // Unchecked: the table of kernels is constant, and everything else locks.
    static let shared = TensorRuntime()

    let kernels: UnrollKernels
    /// Why the kernels that the environment names are not used.
    let failure: KernelError?
    let buffers = BufferPool()
    /// Nil if the system gives no threads; then each task works alone.
    private let pool: WorkerPool?
    /// Held while the pool runs.
    private let turn = Mutex(())

    private init() {
        var failure: KernelError?
        var table = unroll_kernels(UNROLL_LEVEL_PORTABLE, UNROLL_PRECISION_FLOAT32).pointee
        do throws(KernelError) {
            table = try KernelLevel.preferred().kernels().pointee
        } catch {
            failure = error
        }
        kernels = table
        self.failure = failure
        pool = try? WorkerPool(threadCount: WorkerPool.processorCount)
    }

    /// Floating-point operations that take about as long as waking the threads.
    private static let worthSharing = 200_000

    /// Calls the body with parts of `0 ..< count` that together make up the whole, on several threads where the work is
    /// worth it and no other task has them.
    ///
    /// - Parameters:
    ///   - count: The number of items.
    ///   - granularity: Parts start at multiples of this.
    ///   - operations: About the number of floating-point operations in all.
    ///   - body: Does a part; parts may run at the same time.
    func share(
        _ count: Int, granularity: Int = 1, operations: Int, _ body: (Range<Int>) -> Void
    ) {
        let steps = (count + granularity - 1) / granularity
        if let pool, steps > 1, operations >= Self.worthSharing {
            let isDone: Void? = turn.withLockIfAvailable { _ in
                pool.run { body(pool.share(of: count, granularity: granularity, thread: $0)) }
            }
            if isDone != nil { return }
        }
        WorkerPool.runAlone { body(0..<count) }
    }

    /// The fraction of time that threads work, rather than wait for each other, when they share so many steps.
    func balance(_ steps: Int) -> Double {
        let threads = pool?.threadCount ?? 1
        let longest = (steps + threads - 1) / threads
        return Double(steps) / Double(max(1, longest * threads))
    }
}
