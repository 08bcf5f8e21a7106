import CUnrollKernels

/// Measures the processor's peak of multiplications and additions at this moment, to compare speeds with.
package struct PeakProbe {
    private let kernels: UnsafePointer<UnrollKernels>
    private let pool: WorkerPool
    /// About two milliseconds of work.
    private static let iterations: Int64 = 1_000_000

    /// Prepares the probe for a level's products in a precision on a number of threads.
    ///
    /// - Throws: `KernelError`.
    package init(
        level: KernelLevel, precision: Precision = .float32, threads: Int
    ) throws(KernelError) {
        kernels = try level.kernels(for: precision)
        pool = try WorkerPool(threadCount: threads)
    }

    /// Floating-point operations per second on all threads together, the best of five short runs.
    package func measure() -> Double {
        (0..<5).map { _ in
            var operations = 0.0
            let start = ContinuousClock.now
            pool.run { thread in
                let own = kernels.pointee.probe(Self.iterations)
                if thread == 0 { operations = own * Double(pool.threadCount) }
            }
            return operations / (start.duration(to: .now) / .seconds(1))
        }.max() ?? 0
    }
}
