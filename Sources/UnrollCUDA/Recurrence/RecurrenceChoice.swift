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
    /// One launch for each step, of large tiles for minibatches of many rows, in bfloat16.
    case products
    /// Those of all these that are expected to be the fastest for a minibatch's rows.
    case auto

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

    /// The ways to exchange data in persistent kernels that are tried, in their order.
    var exchanges: [BlockExchange] {
        switch self {
        case .steps, .products: []
        case .persistent, .auto: [.cluster, .grid]
        case .grid: [.grid]
        }
    }

    /// Whether step products are tried.
    var usesProducts: Bool { self == .products || self == .auto }

    /// Why the step kernels run a layer although others were asked for; nil if they were not.
    func reasonForSteps(_ layer: RecurrentLayer) -> String? {
        switch self {
        case .steps, .auto: nil
        case .persistent, .grid: "the recurrent weights do not fit on the chip"
        case .products:
            layer.precision == .bfloat16
                ? "the tiles of step products need more shared memory" : "step products need bfloat16"
        }
    }
}

/// How the recurrent layers of a network run on a device.
package indirect enum RecurrenceChoice: Sendable, Hashable {
    /// A launch of small tiles for each step; the reason is why that is so although other kernels were asked for.
    case steps(reason: String?)
    /// A launch of large tiles for each step.
    case products(ProductLayout)
    /// A launch for all steps.
    case persistent(PersistentLayout)
    /// The first for minibatches of fewer rows, and the second from so many on.
    case byRows(RecurrenceChoice, from: Int, RecurrenceChoice)

    /// What may be chosen, and how many clock cycles a step is expected to take with it for so many rows.
    package typealias Candidate = (choice: RecurrenceChoice, cycles: (_ batchSize: Int) -> Double)

    /// The most rows for which candidates are compared; what is best for them is taken for more.
    private static let mostRows = 4096

    /// Chooses for every number of rows what is expected to be the fastest.
    ///
    /// As rows grow, what was left is not taken again: times of all grow in steps, and a few rows more or less are no
    /// reason to go back and forth.
    ///
    /// - Parameter candidates: At least one: those for fewer rows first, and of equals the first is taken.
    /// - Returns: One of them, or several by rows.
    package static func fastest(of candidates: [Candidate]) -> RecurrenceChoice {
        var current = 0
        var parts: [(from: Int, choice: RecurrenceChoice)] = []
        for rows in 1...mostRows {
            let best = candidates.indices.dropFirst(current)
                .min { candidates[$0].cycles(rows) < candidates[$1].cycles(rows) }
            guard let best, best > current || parts.isEmpty else { continue }
            current = best
            parts.append((rows, candidates[best].choice))
        }
        let last = parts.removeLast()
        return parts.reversed().reduce((last.from, last.choice)) { later, part in
            (part.from, .byRows(part.choice, from: later.0, later.1))
        }.1
    }

    /// What runs minibatches of so many rows: never `byRows`.
    package func choice(forRows count: Int) -> RecurrenceChoice {
        guard case .byRows(let few, let from, let many) = self else { return self }
        return count < from ? few.choice(forRows: count) : many.choice(forRows: count)
    }

    /// What may run, for few rows first: never `byRows`.
    package var alternatives: [RecurrenceChoice] {
        guard case .byRows(let few, _, let many) = self else { return [self] }
        return few.alternatives + many.alternatives
    }

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
    package var description: String? { self == .steps(reason: nil) ? nil : name }

    private var name: String {
        switch self {
        case .steps(let reason): reason.map { "step kernels: \($0)" } ?? "step kernels"
        case .products(let layout): "\(layout)"
        case .persistent(let layout): "persistent kernels: \(layout)"
        case .byRows(let few, let rows, let many): "\(few.name); from \(rows) rows \(many.name)"
        }
    }
}
