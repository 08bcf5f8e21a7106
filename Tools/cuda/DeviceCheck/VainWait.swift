import ArgumentParser
import Foundation
import UnrollCUDA

/// Waits in vain, which the watchdog must end: after an error, a GPU goes on, and after a hang it does not.
struct VainWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watchdog",
        abstract: "Wait for what never comes; UNROLL_CUDA_WATCHDOG must be set.")

    @Option(help: "The number of the GPU, from 0.")
    var device = 0

    // Such an error ends all that a process does on the GPU.
    @Option(help: "What is waited for, one kind in a process.")
    var wait = VainWaitCheck.Kind.word

    func validate() throws {
        // Without it, this would hang.
        guard ProcessInfo.processInfo.environment["UNROLL_CUDA_WATCHDOG"] != nil else {
            throw ValidationError("UNROLL_CUDA_WATCHDOG is not set")
        }
    }

    func run() async throws {
        let report = Report()
        let device = try DriverDevice.open(index: device)
        await VainWaitCheck(on: device, report: report).run(wait)
        try report.finish()
    }
}

extension VainWaitCheck.Kind: ExpressibleByArgument {}

/// The check, on a device.
package struct VainWaitCheck {
    /// What is waited for.
    package enum Kind: String, CaseIterable, Sendable {
        /// A word in global memory, as blocks of a grid wait.
        case word
        /// A barrier that counts bytes, as blocks of a cluster wait; passes where there are none.
        case barrier
    }

    private let device: any Device
    private let report: Report

    /// Checks a device.
    package init(on device: any Device, report: Report) {
        (self.device, self.report) = (device, report)
    }

    /// Waits in vain, and reports whether the kernel ended with an error.
    package func run(_ kind: Kind) async {
        guard kind == .word || device.properties.hasClusters else { return }
        await report.check("watchdog", kind.rawValue) {
            do throws(CUDAError) {
                try wait(kind)
            } catch {
                // Not one of the compiler.
                guard case .driver = error else { throw error }
                return CheckLine(error: error.description)
            }
            return CheckLine(error: "the kernel has ended without an error", ok: false)
        }
    }

    private func wait(_ kind: Kind) throws(CUDAError) {
        let queue = try device.makeQueue()
        let module = try device.load(KernelSource(name: "the wait for a \(kind)", text: Self.text(kind)))
        defer { withExtendedLifetime(module) {} }
        let words = try DeviceMemory(byteCount: 16, on: device)
        try queue.fillWithZeros(words.address, byteCount: words.byteCount)
        try queue.launch(
            try module.kernel("wait_in_vain"),
            Launch(
                grid: (2, 1, 1), threads: 32, arguments: [.address(words.address)], sharedMemory: 128,
                clusterSize: kind == .barrier ? 2 : 1, isCooperative: kind == .word))
        try queue.synchronize()
    }

    private static func text(_ kind: Kind) -> String {
        switch kind {
        case .word:
            """
            KERNEL(32, wait_in_vain, (const Word4* words)) {
                Watchdog watchdog;
                while (load_relaxed(words).x == 0) watchdog.turn();
            }
            """
        case .barrier:
            """
            KERNEL(32, wait_in_vain, (const Word4* words)) {
                DYNAMIC_SHARED(memory);
                const u32 barrier = shared_address(memory);
                if (threadIdx.x == 0) {
                    barrier_init(barrier, 1);
                    barrier_publish();
                }
                cluster_barrier();
                barrier_wait(barrier, 0);
            }
            """
        }
    }
}
