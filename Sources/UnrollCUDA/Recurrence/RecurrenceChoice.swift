import Foundation
import UnrollKernels

/// Which kernels run recurrent layers.
package enum RecurrenceKernels: String, Sendable, CaseIterable {
    /// One launch for each step through time, on every GPU.
    case steps
    /// One launch for all steps, with the weights on the chip, where `RecurrenceChoice` finds room for them: in a cluster,
    /// or else in a cooperative grid.
    case persistent
    /// The same without clusters.
    case grid

    /// The environment variable that forces kernels: `UNROLL_CUDA_KERNELS`.
    package static let environmentVariable = "UNROLL_CUDA_KERNELS"

    /// The kernels that the environment names.
    ///
    /// Default: `steps`, until the others have been measured on a GPU.
    ///
    /// - Throws: `CUDAError.unknownKernels`.
    package static func named(
        in environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CUDAError) -> RecurrenceKernels {
        guard let name = environment[environmentVariable], !name.isEmpty else { return .steps }
        guard let kernels = RecurrenceKernels(rawValue: name) else { throw .unknownKernels(name) }
        return kernels
    }

    /// The ways to exchange data that are tried, in their order.
    var exchanges: [BlockExchange] {
        switch self {
        case .steps: []
        case .persistent: [.cluster, .grid]
        case .grid: [.grid]
        }
    }
}

/// How the recurrent layers of a network run on a device.
package enum RecurrenceChoice: Sendable, Hashable {
    /// A launch for each step; the reason is why that is so although persistent kernels were asked for.
    case steps(reason: String?)
    /// A launch for all steps.
    case persistent(PersistentLayout)

    /// The ways to spread a layer over a device's blocks, the one first that is expected to be the fastest.
    ///
    /// - Parameters:
    ///   - layer: The layer.
    ///   - exchange: How blocks exchange data.
    ///   - device: The device.
    ///   - blocks: Blocks of a team. Default: any number.
    /// - Returns: Those whose weights fit on the chip; none of clusters where there are none.
    package static func layouts(
        of layer: RecurrentLayer, exchange: BlockExchange, on device: DeviceProperties, blocks: Int? = nil
    ) -> [PersistentLayout] {
        let groups = (layer.hiddenSize + 15) / 16
        let sizes =
            switch exchange {
            case .cluster: device.hasClusters ? [16, 8, 4, 2, 1] : []
            // As few blocks as hold all groups, with 1 to 8 of them each.
            case .grid: Set((1...8).map { (groups + $0 - 1) / $0 }).sorted(by: >)
            }
        var layouts: [(layout: PersistentLayout, cycles: Double)] = []
        for size in sizes where blocks ?? size == size && size <= device.multiprocessors {
            for slices in [4, 8, 2] {
                let layout = PersistentLayout(layer, exchange: exchange, blocks: size, slices: slices)
                guard layout.fits(sharedMemory: device.sharedMemory) else { continue }
                layouts.append((layout, layout.estimatedCycles(multiprocessors: device.multiprocessors)))
            }
        }
        // Of equals, the first stays first.
        return layouts.enumerated()
            .sorted { ($0.element.cycles, $0.offset) < ($1.element.cycles, $1.offset) }
            .map(\.element.layout)
    }

    /// Rows of each team.
    ///
    /// All teams run at the same time if possible, and have little to exchange. More clusters than that run one after the
    /// other, as a cluster has few rows; a grid must run at once, and its teams have as many rows as there are.
    package static func rows(ofBatch batchSize: Int, exchange: BlockExchange, activeTeams: Int) -> Int {
        let active = max(1, activeTeams), rows = max(1, (batchSize + active - 1) / active)
        return exchange == .cluster ? min(PersistentLayout.rowsAtOnce, rows) : rows
    }

    /// A line about it; nil for what is usual.
    package var description: String? {
        switch self {
        case .steps(let reason): reason.map { "step kernels: \($0)" }
        case .persistent(let layout): "persistent kernels: \(layout)"
        }
    }
}
