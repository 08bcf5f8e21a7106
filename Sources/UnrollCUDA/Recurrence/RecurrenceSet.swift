/// The compiled kernels that run recurrent layers, beside the step kernels, which are always there.
struct RecurrenceSet: Sendable {
    /// Which kernels run.
    let choice: RecurrenceChoice
    private let persistent: PersistentKernels?
    private var products: [ProductLayout: ProductKernels] = [:]

    /// Chooses kernels for a layer, and compiles them.
    ///
    /// - Parameters:
    ///   - wanted: Which are tried.
    ///   - layer: The layer.
    ///   - factorProducts: Kernels of large products; without them there are no step products.
    ///   - blocks: Blocks of a team of persistent kernels; nil for any number.
    ///   - cell: The cell's formula.
    ///   - name: The cell's name.
    ///   - device: The device.
    /// - Throws: `CUDAError`.
    init(
        _ wanted: RecurrenceKernels, for layer: RecurrentLayer, factorProducts: FactorProducts?, blocks: Int?,
        cell: CellSource, named name: String, on device: any Device
    ) throws(CUDAError) {
        let multiprocessors = device.properties.multiprocessors
        persistent = try PersistentKernels.find(
            wanted.exchanges, for: layer, blocks: blocks, cell: cell, named: name, on: device)
        let layouts =
            wanted.usesProducts && factorProducts != nil
            ? ProductLayout.layouts(of: layer, on: device.properties) : []
        var candidates: [RecurrenceChoice.Candidate] = []
        if let persistent {
            candidates.append((.persistent(persistent.layout), persistent.estimatedCycles))
        }
        if wanted == .auto || candidates.isEmpty && layouts.isEmpty {
            let steps = RecurrenceChoice.steps(reason: wanted.reasonForSteps(layer))
            candidates.append(
                (steps, { layer.cyclesOfStepKernels(batchSize: $0, multiprocessors: multiprocessors) }))
        }
        candidates += layouts.map { layout in
            (.products(layout), { layout.estimatedCycles(batchSize: $0, multiprocessors: multiprocessors) })
        }
        choice = RecurrenceChoice.fastest(of: candidates)
        guard let round = factorProducts?.round else { return }
        for layout in layouts where choice.alternatives.contains(.products(layout)) {
            products[layout] = try ProductKernels(layout, round: round, cell: cell, named: name, on: device)
        }
    }

    /// The kernels that run all steps in one launch, if these run minibatches of so many rows.
    func persistent(forRows count: Int) -> PersistentKernels? {
        if case .persistent = choice.choice(forRows: count) { persistent } else { nil }
    }

    /// The kernels of step products, if these run minibatches of so many rows.
    func products(forRows count: Int) -> ProductKernels? {
        if case .products(let layout) = choice.choice(forRows: count) { products[layout] } else { nil }
    }
}
