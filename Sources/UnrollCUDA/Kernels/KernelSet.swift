import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel

/// The compiled kernels of one network in one precision.
struct KernelSet: Sendable {
    let beginStep, endStep, update, carryStates, add, exchange, sumSquares: Kernel
    let lookUp, addByToken, dropWeights: Kernel
    let product, addParts, sumRows: Kernel
    /// Those of large products in bfloat16, if they are used.
    let factorProducts: FactorProducts?
    let smallCrossEntropy, largeCrossEntropy: Kernel
    let stepForward, stepBackward: Kernel
    /// The other kernels that run recurrent layers.
    let recurrence: RecurrenceSet
    /// Whether the kernels of a step are launched while those before them run.
    let startEarly: Bool
    // Kernels live as long as their modules.
    private let modules: [any KernelModule]

    /// Loads the kernels; those of a cell are compiled when it is first used.
    init(
        cell: CellSource, named name: String, precision: Precision, recurrence: RecurrenceSet,
        factorProducts: FactorProducts?, startEarly: Bool, on device: any Device
    ) throws(CUDAError) {
        let common = try device.load(KernelSource.common(precision))
        let steps = try device.load(KernelSource.recurrence(of: cell, named: name, precision))
        beginStep = try common.kernel("begin_step")
        endStep = try common.kernel("end_step")
        update = try common.kernel("update")
        carryStates = try common.kernel("carry_states")
        add = try common.kernel("add")
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
        stepForward = try steps.kernel("step_forward")
        stepBackward = try steps.kernel("step_backward")
        self.factorProducts = factorProducts
        self.recurrence = recurrence
        self.startEarly = startEarly
        modules = [common, steps]
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

    /// The kernels of large products in bfloat16.
    package static let factorProducts = KernelSource(
        name: "the kernels of large products", .bfloat16,
        [PackageResources.pipeline_cuh, PackageResources.factor_products_cu])

    /// The kernels of a layer with this cell.
    static func recurrence(of cell: CellSource, named name: String, _ precision: Precision) -> KernelSource {
        KernelSource(
            name: "the kernels of the cell '\(name)'", precision,
            [
                PackageResources.masks_cuh, PackageResources.tile_cuh, PackageResources.functions_cuh,
                Array(cell.text.utf8), PackageResources.recurrence_cu,
            ])
    }

    /// The kernels that run all steps of a layer with this cell in one launch.
    static func persistent(
        of cell: CellSource, named name: String, _ layout: PersistentLayout
    ) -> KernelSource {
        let kernels =
            switch layout.exchange {
            case .cluster:
                [
                    PackageResources.cluster_cuh, PackageResources.cluster_forward_cu,
                    PackageResources.cluster_backward_cu,
                ]
            case .grid:
                [
                    PackageResources.grid_cuh, PackageResources.grid_forward_cu,
                    PackageResources.grid_backward_cu,
                ]
            }
        return KernelSource(
            name: "the kernels of the cell '\(name)' for \(layout)", layout.layer.precision,
            [
                PackageResources.masks_cuh, PackageResources.functions_cuh, Array(cell.text.utf8),
                Array(layout.definitions.utf8), PackageResources.persistent_cuh, PackageResources.layer_cuh,
            ] + kernels)
    }

    /// The kernels of step products with this cell.
    static func products(of cell: CellSource, named name: String, _ layout: ProductLayout) -> KernelSource {
        KernelSource(
            name: "the kernels of the cell '\(name)' for \(layout)", layout.layer.precision,
            [
                PackageResources.masks_cuh, PackageResources.functions_cuh, Array(cell.text.utf8),
                Array(layout.definitions.utf8), PackageResources.pipeline_cuh,
                PackageResources.step_products_cuh, PackageResources.layer_cuh,
                PackageResources.step_products_cu,
            ])
    }

    /// The kernel that generates texts with this cell.
    static func sampler(of cell: CellSource, named name: String, _ layout: SamplerLayout) -> KernelSource {
        KernelSource(
            name: "the kernel that generates texts with the cell '\(name)'", layout.layer.layer.precision,
            [
                PackageResources.masks_cuh, PackageResources.functions_cuh, Array(cell.text.utf8),
                Array(layout.definitions.utf8), PackageResources.persistent_cuh, PackageResources.grid_cuh,
                PackageResources.choice_cuh, PackageResources.ngrams_cuh, PackageResources.sampler_cu,
            ])
    }

    /// The kernel that generates texts with the cell of a configuration.
    ///
    /// - Throws: `ModelError.invalidCell`.
    package static func sampler(
        of configuration: ModelConfiguration, _ layout: SamplerLayout
    ) throws(ModelError) -> KernelSource {
        sampler(of: CellSource(try configuration.cellGraph()), named: configuration.cell.name, layout)
    }

    /// The kernels that run all steps of a layer with the cell of a configuration in one launch.
    ///
    /// - Throws: `ModelError.invalidCell`.
    package static func persistent(
        of configuration: ModelConfiguration, _ layout: PersistentLayout
    ) throws(ModelError) -> KernelSource {
        let cell = CellSource(try configuration.cellGraph())
        return persistent(of: cell, named: configuration.cell.name, layout)
    }

    /// The kernels of step products with the cell of a configuration.
    ///
    /// - Throws: `ModelError.invalidCell`.
    package static func products(
        of configuration: ModelConfiguration, _ layout: ProductLayout
    ) throws(ModelError) -> KernelSource {
        let cell = CellSource(try configuration.cellGraph())
        return products(of: cell, named: configuration.cell.name, layout)
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
