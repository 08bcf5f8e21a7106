import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel

/// The compiled kernels of one network in one precision.
struct KernelSet: Sendable {
    let beginStep, endStep, update, carryStates, exchange, sumSquares: Kernel
    let lookUp, addByToken, dropWeights: Kernel
    let product, addParts, sumRows: Kernel
    let smallCrossEntropy, largeCrossEntropy: Kernel
    let stepForward, stepBackward: Kernel
    /// Those of clusters, if they run the recurrence.
    let clusters: ClusterKernels?
    // Kernels live as long as their modules.
    private let modules: [any KernelModule]

    /// Loads the kernels; those of a cell are compiled when it is first used.
    init(
        cell: CellSource, named name: String, precision: Precision, clusters: ClusterKernels?,
        on device: any Device
    ) throws(CUDAError) {
        let common = try device.load(KernelSource.common(precision))
        let recurrence = try device.load(KernelSource.recurrence(of: cell, named: name, precision))
        beginStep = try common.kernel("begin_step")
        endStep = try common.kernel("end_step")
        update = try common.kernel("update")
        carryStates = try common.kernel("carry_states")
        exchange = try common.kernel("exchange")
        sumSquares = try common.kernel("sum_squares")
        lookUp = try common.kernel("look_up")
        addByToken = try common.kernel("add_by_token")
        dropWeights = try common.kernel("drop_weights")
        product = try common.kernel("product")
        addParts = try common.kernel("add_parts")
        sumRows = try common.kernel("sum_rows")
        smallCrossEntropy = try common.kernel("small_cross_entropy")
        largeCrossEntropy = try common.kernel("large_cross_entropy")
        stepForward = try recurrence.kernel("step_forward")
        stepBackward = try recurrence.kernel("step_backward")
        self.clusters = clusters
        modules = [common, recurrence]
    }
}

/// The text of kernels that are compiled together, without the prelude, which the device puts in front.
package struct KernelSource: Sendable, Hashable {
    /// What the kernels are for, as in "the kernels of the cell 'lstm'"; for errors.
    package var name: String
    /// CUDA C++ that uses the primitives of `prelude.cuh` and nothing else.
    package var text: String

    package init(name: String, text: String) {
        self.name = name
        self.text = text
    }
}

extension KernelSource {
    /// The kernels that do not depend on the cell.
    package static func common(_ precision: Precision) -> KernelSource {
        KernelSource(
            name: "the kernels", precision,
            [
                PackageResources.masks_cuh, PackageResources.step_cuh, PackageResources.tile_cuh,
                PackageResources.products_cu, PackageResources.tokens_cu, PackageResources.decoder_cu,
                PackageResources.update_cu,
            ])
    }

    /// The kernels of a layer with this cell.
    static func recurrence(of cell: CellSource, named name: String, _ precision: Precision) -> KernelSource {
        KernelSource(
            name: "the kernels of the cell '\(name)'", precision,
            [
                PackageResources.masks_cuh, PackageResources.tile_cuh, PackageResources.functions_cuh,
                Array(cell.text.utf8), PackageResources.recurrence_cu,
            ])
    }

    /// The kernels of a layer with this cell for clusters.
    static func clusters(
        of cell: CellSource, named name: String, _ layout: ClusterLayout
    ) -> KernelSource {
        KernelSource(
            name: "the kernels of the cell '\(name)' for \(layout)", layout.layer.precision,
            [
                PackageResources.masks_cuh, PackageResources.functions_cuh, Array(cell.text.utf8),
                Array(layout.definitions.utf8), PackageResources.cluster_cuh,
                PackageResources.cluster_forward_cu, PackageResources.cluster_backward_cu,
            ])
    }

    /// The kernels for clusters of a layer with the cell of a configuration.
    ///
    /// - Throws: `ModelError.invalidCell`.
    package static func clusters(
        of configuration: ModelConfiguration, _ layout: ClusterLayout
    ) throws(ModelError) -> KernelSource {
        let cell = CellSource(try configuration.cellGraph())
        return clusters(of: cell, named: configuration.cell.name, layout)
    }

    /// The kernels of a layer with the cell of a configuration.
    ///
    /// - Throws: `ModelError.invalidCell`.
    package static func recurrence(
        of configuration: ModelConfiguration, _ precision: Precision
    ) throws(ModelError) -> KernelSource {
        let cell = CellSource(try configuration.cellGraph())
        return recurrence(of: cell, named: configuration.cell.name, precision)
    }

    private init(name: String, _ precision: Precision, _ files: [[UInt8]]) {
        let format = "#define BFLOAT16 \(precision == .bfloat16 ? 1 : 0)\n"
        self.init(
            name: name,
            text: format + files.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n"))
    }
}
