import CUnrollKernels
import Foundation
import Synchronization
import Testing
import UnrollKernels

/// The threads that share out a step.
@Suite struct WorkerPoolTests {
    static let threadCounts = [1, 2, 3, 8]

    /// Numbers that threads write side by side.
    final class Cells {
        let base: UnsafeMutablePointer<Int>
        let count: Int

        init(_ count: Int) {
            base = .allocate(capacity: count)
            base.initialize(repeating: 0, count: count)
            self.count = count
        }

        deinit {
            base.deallocate()
        }

        var values: [Int] { (0..<count).map { base[$0] } }
    }

    @Test(arguments: threadCounts) func everyThreadRunsOnce(threads: Int) throws {
        let pool = try WorkerPool(threadCount: threads)
        #expect(pool.threadCount == threads)
        let runs = Cells(threads)
        for run in 1...100 {
            pool.run { runs.base[$0] += 1 }
            #expect(runs.values == [Int](repeating: run, count: threads))
        }
    }

    @Test func theCallerIsThreadZero() throws {
        let pool = try WorkerPool(threadCount: 3)
        let caller = pthread_self()
        let isCaller = Cells(3)
        pool.run { isCaller.base[$0] = pthread_equal(pthread_self(), caller) != 0 ? 1 : 0 }
        #expect(isCaller.values == [1, 0, 0])
    }

    /// Before each barrier a thread counts up; after it, all the others must have done so.
    @Test(arguments: threadCounts) func barriersKeepPhasesApart(threads: Int) throws {
        let pool = try WorkerPool(threadCount: threads)
        let counters = Cells(threads)
        let failures = Cells(threads)
        pool.run { thread in
            for round in 1...10_000 {
                counters.base[thread] = round
                pool.barrier()
                for other in 0..<threads where counters.base[other] != round { failures.base[thread] += 1 }
                pool.barrier()
            }
        }
        #expect(counters.values == [Int](repeating: 10_000, count: threads))
        #expect(failures.values == [Int](repeating: 0, count: threads))
    }

    /// The caller sees what every thread wrote, and the threads what the caller wrote in between.
    @Test(arguments: threadCounts) func runsAreApartFromTheCaller(threads: Int) throws {
        let pool = try WorkerPool(threadCount: threads)
        let cells = Cells(threads)
        var failures = 0
        for run in 0..<10_000 {
            pool.run { cells.base[$0] = cells.base[$0] * 2 + 1 }
            for thread in 0..<threads {
                if cells.base[thread] != 2 * run + 1 { failures += 1 }
                cells.base[thread] = run + 1
            }
        }
        #expect(failures == 0)
    }

    @Test func moreThreadsThanProcessors() throws {
        let threads = WorkerPool.processorCount + 13
        let pool = try WorkerPool(threadCount: threads)
        let sums = Cells(threads)
        for _ in 0..<20 {
            pool.run { thread in
                for _ in 0..<10 {
                    sums.base[thread] += 1
                    pool.barrier()
                }
            }
        }
        #expect(sums.values == [Int](repeating: 200, count: threads))
    }

    @Test func poolsComeAndGo() throws {
        for index in 0..<200 {
            let pool = try WorkerPool(threadCount: 1 + index % 4)
            // Every other one is destroyed before it ever ran.
            guard index % 2 == 0 else { continue }
            let runs = Cells(pool.threadCount)
            pool.run { runs.base[$0] += 1 }
            #expect(runs.values == [Int](repeating: 1, count: pool.threadCount))
        }
    }

    /// Threads that wait for the next run, or at a barrier, fall asleep: they use next to no processor time.
    @Test(arguments: [2, 3]) func idleThreadsSleepAndWakeAgain(threads: Int) throws {
        let pool = try WorkerPool(threadCount: threads)
        let ends = Cells(threads)
        let idle = Cells(threads)
        pool.run { ends.base[$0] = threadTimeInNanoseconds() }
        usleep(200_000)
        pool.run { thread in
            idle.base[thread] = threadTimeInNanoseconds() - ends.base[thread]
            if thread == 0 { usleep(200_000) }
            pool.barrier()
            idle.base[thread] = threadTimeInNanoseconds() - ends.base[thread]
        }
        for time in idle.values { #expect(time < 100_000_000) }
    }

    @Test func twoPoolsAtOnce() {
        let failures = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            guard let pool = try? WorkerPool(threadCount: 2 + index) else {
                failures.withLock { $0 += 1 }
                return
            }
            let counters = Cells(pool.threadCount)
            let wrong = Cells(pool.threadCount)
            for run in 1...500 {
                pool.run { thread in
                    counters.base[thread] = run
                    pool.barrier()
                    for other in 0..<pool.threadCount where counters.base[other] != run {
                        wrong.base[thread] += 1
                    }
                }
            }
            failures.withLock { $0 += wrong.values.reduce(0, +) }
        }
        #expect(failures.withLock { $0 } == 0)
    }

    @Test(arguments: [0, -1, Int32.min, 1025, 1_000_000, .max]) func impossibleThreadCountsAreRefused(
        threads: Int32
    ) {
        #expect(unroll_pool_create(threads) == nil)
        #expect(throws: KernelError.self) { try WorkerPool(threadCount: Int(threads)) }
    }

    @Test func threadCountsThatDoNotFitIntoCAreRefused() {
        for threads in [Int.max, Int.min, 1 << 32 + 1] {
            #expect(throws: KernelError.self) { try WorkerPool(threadCount: threads) }
        }
    }

    @Test func thereIsAProcessor() {
        #expect(WorkerPool.processorCount >= 1)
    }

    /// Of version 2 of control groups, where one file holds quota and period, and of version 1, where each has its own.
    @Test(
        arguments: [
            (["cpu.max": "max 100000\n"], nil), (["cpu.max": "100000 100000\n"], 1),
            (["cpu.max": "100001 100000\n"], 2), (["cpu.max": "1000 100000\n"], 1),
            (["cpu.max": "350000 100000\n"], 4), (["cpu.max": "9223372036854775807 1\n"], nil),
            (["cpu.max": ""], nil), (["cpu.max": "150000"], nil), (["cpu.max": "100000 0"], nil),
            (["cpu/cpu.cfs_quota_us": "150000\n", "cpu/cpu.cfs_period_us": "100000\n"], 2),
            (["cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"], nil), ([:], nil),
        ] as [([String: String], Int32?)])
    func quotasAreRoundedUpToWholeProcessors(files: [String: String], processors: Int32?) throws {
        let group = FileManager.default.temporaryDirectory.appendingPathComponent(
            "unroll-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: group) }
        try FileManager.default.createDirectory(
            at: group.appendingPathComponent("cpu"), withIntermediateDirectories: true)
        for (name, text) in files { try Data(text.utf8).write(to: group.appendingPathComponent(name)) }
        #expect(unroll_processor_quota(group.path) == processors ?? .max)
    }

    @Test func aGroupThatIsNotThereHasNoQuota() {
        #expect(unroll_processor_quota("/nowhere") == .max)
        #expect(unroll_processor_quota(String(repeating: "/nowhere", count: 1000)) == .max)
    }

    /// Half of the least normal number is zero on every thread of a pool, and what it was for the caller afterwards.
    @Test(arguments: threadCounts) func denormalsCountAsZeroInsideARunOnly(threads: Int) throws {
        let numbers = try GuardedBuffer([.leastNormalMagnitude, 0.5, .leastNonzeroMagnitude, 0x1p100])
        let pool = try WorkerPool(threadCount: threads)
        for _ in 0..<3 {
            // One made by the multiplication, one that is read.
            let results = try GuardedBuffer([Float](repeating: 1, count: 2 * threads))
            pool.run { thread in
                results.base[2 * thread] = numbers.base[0] * numbers.base[1]
                results.base[2 * thread + 1] = numbers.base[2] * numbers.base[3]
            }
            #expect(results.values.allSatisfy { $0 == 0 })
            #expect(numbers.base[0] * numbers.base[1] == 0x1p-127)
            #expect(numbers.base[2] * numbers.base[3] == 0x1p-49)
        }
    }

    @Test func aRunAloneIsOnTheCaller() {
        let caller = pthread_self()
        var (runs, runsOnTheCaller) = (0, 0)
        WorkerPool.runAlone {
            runs += 1
            if pthread_equal(pthread_self(), caller) != 0 { runsOnTheCaller += 1 }
        }
        #expect(runs == 1 && runsOnTheCaller == 1)
        let threads = Cells(2)
        unroll_run_alone(
            { cells, thread in
                guard let cells = cells?.assumingMemoryBound(to: Int.self) else { return }
                cells[0] += 1
                cells[1] = Int(thread)
            }, threads.base)
        #expect(threads.values == [1, 0])
    }

    @Test func denormalsCountAsZeroInsideARunAloneOnly() throws {
        let numbers = try GuardedBuffer([.leastNormalMagnitude, 0.5, .leastNonzeroMagnitude, 0x1p100])
        for _ in 0..<3 {
            let results = try GuardedBuffer([Float](repeating: 1, count: 3))
            WorkerPool.runAlone {
                results.base[0] = numbers.base[0] * numbers.base[1]
                // One within another leaves what it found.
                WorkerPool.runAlone { results.base[1] = numbers.base[0] * numbers.base[1] }
                results.base[2] = numbers.base[2] * numbers.base[3]
            }
            #expect(results.values == [0, 0, 0])
            #expect(numbers.base[0] * numbers.base[1] == 0x1p-127)
            #expect(numbers.base[2] * numbers.base[3] == 0x1p-49)
        }
    }

    @Test(arguments: KernelLevel.available()) func kernelsTreatDenormalsAsZeroInsideARun(
        level: KernelLevel
    ) throws {
        let pool = try WorkerPool(threadCount: 2)
        let kernels = try level.kernels().pointee
        let operand = try GuardedBuffer([Float](repeating: 0x1p-130, count: 64))
        let results = try GuardedBuffer(untouched: 64)
        let instruction = UnrollInstruction(
            opcode: Int32(UNROLL_OP_ADD.rawValue), d: 0, a: 0, b: 0, c: 0, scale: 0, offset: 0)
        func add(_ part: Int) {
            var instruction = instruction
            let offset = part * 32
            kernels.operate(
                &instruction, results.base + offset, operand.base + offset, operand.base + offset,
                operand.base + offset, 32)
        }
        func addAlone() {
            add(0)
            add(1)
        }
        for run in [{ pool.run { add($0) } }, { WorkerPool.runAlone { addAlone() } }] {
            run()
            #expect(results.values.allSatisfy { $0 == 0 }, "\(level)")
            addAlone()
            #expect(results.values.allSatisfy { $0 == 0x1p-129 }, "\(level)")
        }
        #expect(results.isIntact, "\(level)")
    }
}

/// Processor time that the calling thread has used.
private func threadTimeInNanoseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
