import ArgumentParser
import UnrollCUDA

/// What blocks of a cluster exchange, without an engine.
struct Exchange: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Exchange states within clusters of blocks, many times.")

    @Option(help: "The number of the GPU, from 0.")
    var device = 0

    func run() async throws {
        let report = Report()
        await ExchangeChecks(on: try DriverDevice.open(index: device), report: report)
            .run(steps: 2000, repeats: 50)
        try report.finish()
    }
}

/// The checks, on a device.
package struct ExchangeChecks {
    private let device: any Device
    private let report: Report

    /// Checks a device.
    package init(on device: any Device, report: Report) {
        (self.device, self.report) = (device, report)
    }

    /// Runs a recurrence in clusters of each size, as many as run at the same time; nothing where there are no clusters.
    ///
    /// - Parameters:
    ///   - steps: Time steps of a launch.
    ///   - repeats: Launches of each kind, all of which must be right.
    package func run(steps: Int, repeats: Int) async {
        guard device.properties.hasClusters else { return }
        for size in [2, 4, 8, 16] {
            for threads in [64, 512] {
                await report.check("exchange", "cluster of \(size), \(threads) threads") {
                    try check(size: size, threads: threads, steps: steps, repeats: repeats)
                }
            }
        }
    }

    private func check(size: Int, threads: Int, steps: Int, repeats: Int) throws -> CheckLine {
        let kernel = ExchangeKernel(), queue = try device.makeQueue()
        let module = try device.load(KernelSource(name: "the exchange", text: kernel.text))
        defer { withExtendedLifetime(module) {} }
        let exchange = try module.kernel("exchange")
        let one = ExchangeKernel.firstStates(count: 32 * size)
        let wanted = ExchangeKernel.states(after: one, size: size, steps: steps)
        func launch(_ states: DeviceAddress, _ out: DeviceAddress, clusters: Int) -> Launch {
            kernel.launch(
                from: states, to: out, size: size, clusters: clusters, threads: threads, steps: steps)
        }
        let nowhere = DeviceAddress(bits: 0)
        let clusters = try device.activeClusters(of: exchange, launch(nowhere, nowhere, clusters: 1))
        var line = CheckLine()
        line.require(clusters > 0, "no cluster can run")
        guard line.ok else { return line }
        let states = try DeviceMemory(byteCount: 4 * one.count * clusters, on: device)
        let out = try DeviceMemory(byteCount: states.byteCount, on: device)
        try queue.copy([UInt32](repeatElement(one, count: clusters).joined()), to: states.address)
        let graph = try queue.capture {
            try queue.fillWithZeros(out.address, byteCount: out.byteCount)
            try queue.launch(exchange, launch(states.address, out.address, clusters: clusters))
        }
        var found = [UInt32](repeating: 0, count: one.count * clusters)
        for index in 0..<repeats {
            try queue.launch(graph)
            try queue.copy(out.address, to: &found)
            let wrong = found.indices.count { found[$0] != wanted[$0 % wanted.count] }
            line.require(wrong == 0, "launch \(index): \(wrong) of \(found.count) states are wrong")
            guard line.ok else { break }
        }
        return line
    }
}
