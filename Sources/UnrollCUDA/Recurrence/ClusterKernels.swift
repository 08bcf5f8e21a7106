/// The compiled kernels of clusters.
struct ClusterKernels: Sendable {
    let layout: ClusterLayout
    let forward, backward: Kernel
    /// Clusters that run at the same time, of either kernel.
    let activeClusters: Int
    // Kernels live as long as their module.
    private let module: any KernelModule

    /// Compiles the kernels for a layout.
    ///
    /// - Returns: nil if not even one cluster can run on the device.
    private init?(
        _ layout: ClusterLayout, cell: CellSource, named name: String, on device: any Device
    ) throws(CUDAError) {
        module = try device.load(.clusters(of: cell, named: name, layout))
        forward = try module.kernel("cluster_forward")
        backward = try module.kernel("cluster_backward")
        self.layout = layout
        activeClusters = min(
            try device.activeClusters(of: forward, layout.forwardLaunch(clusters: 1, [])),
            try device.activeClusters(of: backward, layout.backwardLaunch(clusters: 1, [])))
        guard activeClusters > 0 else { return nil }
    }

    /// Finds the kernels for a layer: those of the first layout of which a cluster can run.
    ///
    /// - Parameters:
    ///   - layer: The layer.
    ///   - clusterSize: Blocks of a cluster; nil for any number.
    ///   - cell: The cell's formula.
    ///   - name: The cell's name.
    ///   - device: The device.
    /// - Returns: The kernels, or why there are none.
    /// - Throws: `CUDAError`.
    static func find(
        for layer: RecurrentLayer, clusterSize: Int?, cell: CellSource, named name: String,
        on device: any Device
    ) throws(CUDAError) -> (kernels: ClusterKernels?, reason: String?) {
        guard device.properties.hasClusters else {
            return (nil, "clusters of blocks need compute capability 9.0")
        }
        for layout in RecurrenceChoice.layouts(of: layer, on: device.properties, clusterSize: clusterSize) {
            if let found = try ClusterKernels(layout, cell: cell, named: name, on: device) {
                return (found, nil)
            }
        }
        return (nil, "the recurrent weights do not fit on the chip")
    }

    /// Rows of each cluster.
    func rows(ofBatch batchSize: Int) -> Int {
        RecurrenceChoice.rows(ofBatch: batchSize, activeClusters: activeClusters)
    }
}

extension ClusterLayout {
    /// A launch of `cluster_forward`.
    package func forwardLaunch(clusters: Int, _ arguments: [KernelArgument]) -> Launch {
        launch(clusters: clusters, arguments, sharedMemory: forwardSharedMemory)
    }

    /// A launch of `cluster_backward`.
    package func backwardLaunch(clusters: Int, _ arguments: [KernelArgument]) -> Launch {
        launch(clusters: clusters, arguments, sharedMemory: backwardSharedMemory)
    }

    private func launch(clusters: Int, _ arguments: [KernelArgument], sharedMemory: Int) -> Launch {
        Launch(
            grid: (clusterSize * clusters, 1, 1), threads: threads, arguments: arguments,
            sharedMemory: sharedMemory, clusterSize: clusterSize)
    }
}
