import DeviceCheck
import Testing
import UnrollCUDA

/// A recurrence whose states are exchanged within clusters: it is right in every order, and what is wrong with it shows.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct ExchangeTests {
    @Test(arguments: [1, 2, 4, 8, 16], [32, 128])
    func statesAreRightInEveryOrder(size: Int, threads: Int) throws {
        for seed in 0..<16 {
            let isRight = try ExchangeKernel().isRight(
                size: size, clusters: 2, threads: threads, seed: UInt64(seed))
            #expect(isRight, "seed \(seed)")
        }
    }

    @Test(arguments: [0, 1]) func aClusterMayHave16BlocksOf512Threads(seed: Int) throws {
        #expect(try ExchangeKernel().isRight(size: 16, threads: 512, steps: 4, seed: UInt64(seed)))
    }

    /// What the emulator finds under each seed: nil if nothing, "wrong" if only the states are.
    private func findings(_ kernel: ExchangeKernel, size: Int = 4, seeds: Range<Int> = 0..<24) -> [String?] {
        seeds.map { seed in
            do {
                return try kernel.isRight(size: size, seed: UInt64(seed)) ? nil : "wrong"
            } catch {
                return "\(error)"
            }
        }
    }

    @Test func statesWithoutASecondBufferAreFoundUnderEverySeed() {
        for found in findings(ExchangeKernel(stateBuffers: 1)) {
            #expect(
                found == "wrong" || found?.contains("something is on the way to byte") == true,
                "\(found ?? "")")
        }
    }

    @Test func sumsWithoutASecondBufferAreFoundUnderSomeSeed() {
        let found = findings(ExchangeKernel(sumBuffers: 1), seeds: 0..<60)
        #expect(found.contains("wrong"), "\(found)")
    }

    @Test func aMissingBarrierOfTheBlockIsFoundUnderEverySeed() {
        #expect(findings(ExchangeKernel(afterSums: "")).allSatisfy { $0 != nil })
    }

    @Test(arguments: [4, 128]) func bytesThatNeverComeAreADeadlock(surplus: Int) {
        for found in findings(ExchangeKernel(surplus: surplus)) {
            #expect(found?.contains("deadlock; of 512 threads") == true, "\(found ?? "")")
            #expect(
                found?.contains("of 1 arrivals are made, \(surplus) bytes missing") == true, "\(found ?? "")")
        }
    }

    @Test func bytesThatAreNotExpectedAreFoundUnderEverySeed() {
        for found in findings(ExchangeKernel(surplus: -4)) {
            #expect(found?.contains("byte") == true, "\(found ?? "")")
        }
    }

    @Test func blocksThatStartBeforeTheOthersAreFoundUnderEverySeed() {
        for found in findings(ExchangeKernel(start: "")) {
            #expect(found?.contains("send: ") == true, "\(found ?? "")")
            #expect(found?.contains("barrier") == true)
        }
    }

    @Test func tooLittleSharedMemoryIsFound() {
        #expect {
            try ExchangeKernel().isRight(size: 4, seed: 1, sharedMemory: 1024)
        } throws: {
            "\($0)".contains("are not in shared memory, which ends at")
        }
    }
}

extension ExchangeKernel {
    /// Runs the kernel on an emulated device.
    ///
    /// - Returns: Whether the states are right.
    /// - Throws: What the emulator finds.
    fileprivate func isRight(
        size: Int, clusters: Int = 1, threads: Int = 128, steps: Int = 5, seed: UInt64,
        sharedMemory: Int? = nil
    ) throws -> Bool {
        let device = EmulatedDevice(seed: seed), queue = try device.makeQueue()
        let first = Self.firstStates(count: 32 * size * clusters)
        let states = try device.array(count: first.count), out = try device.array(count: first.count)
        try first.withUnsafeBytes { try queue.copy($0, to: states) }
        try queue.launch(
            try device.kernel("exchange", in: text),
            launch(
                from: states, to: out, size: size, clusters: clusters, threads: threads, steps: steps,
                sharedMemory: sharedMemory))
        return try queue.words(out, count: first.count)
            == Self.states(after: first, size: size, steps: steps)
    }
}
