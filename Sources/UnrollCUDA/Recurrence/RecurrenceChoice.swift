import Foundation
import UnrollKernels

/// Which kernels run recurrent layers.
package enum RecurrenceKernels: String, Sendable, CaseIterable {
    /// One launch for each step through time, on every GPU.
    case steps
    /// One launch for all steps, with the weights on the chip, where `RecurrenceChoice` finds room for them.
    case persistent

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
}

/// How the recurrent layers of a network run on a device.
package enum RecurrenceChoice: Sendable, Hashable {
    /// A launch for each step; the reason is why that is so although persistent kernels were asked for.
    case steps(reason: String?)
    /// A launch of clusters for all steps.
    case clusters(ClusterLayout)

    /// The ways to spread a layer over clusters of a device, the one first that is expected to be the fastest.
    ///
    /// - Parameters:
    ///   - layer: The layer.
    ///   - device: The device.
    ///   - clusterSize: Blocks of a cluster. Default: any number.
    /// - Returns: Those whose weights fit on the chip; none where there are no clusters.
    package static func layouts(
        of layer: RecurrentLayer, on device: DeviceProperties, clusterSize: Int? = nil
    ) -> [ClusterLayout] {
        guard device.hasClusters else { return [] }
        var layouts: [ClusterLayout] = []
        for size in [16, 8, 4, 2, 1] where clusterSize ?? size == size {
            for slices in [4, 8, 2] {
                let layout = ClusterLayout(layer, clusterSize: size, slices: slices)
                if layout.fits(sharedMemory: device.sharedMemory) { layouts.append(layout) }
            }
        }
        // Of equals, the first stays first.
        return layouts.enumerated()
            .sorted { ($0.element.estimatedCycles, $0.offset) < ($1.element.estimatedCycles, $1.offset) }
            .map(\.element)
    }

    /// Rows of each cluster, so that a minibatch's clusters run at the same time if possible, and have little to exchange.
    package static func rows(ofBatch batchSize: Int, activeClusters: Int) -> Int {
        let active = max(1, activeClusters)
        return min(ClusterLayout.mostRows, max(1, (batchSize + active - 1) / active))
    }

    /// A line about it; nil for what is usual.
    package var description: String? {
        switch self {
        case .steps(let reason): reason.map { "step kernels: \($0)" }
        case .clusters(let layout): "persistent kernels: \(layout)"
        }
    }
}
