import Testing
import UnrollCUDA
import UnrollTestSupport

/// Launches with attributes: what arrives at the driver, and what an emulated driver makes of it.
@Suite(.needsCompiler) struct DriverLaunchTests {
    private static let source = KernelSource(
        name: "test kernels", text: "// kernel add 8 4\n// kernel none \n")

    private func launch(
        sharedMemory: Int = 0, clusterSize: Int = 1, isCooperative: Bool = false, startsEarly: Bool = false
    ) -> Launch {
        Launch(
            grid: (x: 16, y: 2, z: 1), threads: 64, arguments: [.null, .int(7)], sharedMemory: sharedMemory,
            clusterSize: clusterSize, isCooperative: isCooperative, startsEarly: startsEarly)
    }

    @Test func attributesArriveAsTheyWereGiven() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open(), queue = try device.makeQueue()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("add")
        func calls(of launch: Launch) throws -> [String] {
            _ = gpu.driver.calls()
            try queue.launch(kernel, launch)
            return gpu.driver.calls()
        }
        let configuration = "add grid 16 2 1 block 64 1 1 shared 0 stream0"
        #expect(try calls(of: launch()) == ["cuLaunchKernel \(configuration) 0 7"])
        #expect(
            try calls(of: launch(clusterSize: 8)) == [
                "cuLaunchKernelEx \(configuration) attribute 4 8 1 1 0 7"
            ])
        #expect(
            try calls(of: launch(clusterSize: 16)) == [
                "cuFuncSetAttribute add 14 1", "cuLaunchKernelEx \(configuration) attribute 4 16 1 1 0 7",
            ])
        #expect(
            try calls(of: launch(isCooperative: true)) == [
                "cuLaunchKernelEx \(configuration) attribute 2 1 0 7"
            ]
        )
        #expect(
            try calls(of: launch(startsEarly: true)) == [
                "cuLaunchKernelEx \(configuration) attribute 6 1 0 7"
            ])
        #expect(
            try calls(of: launch(clusterSize: 2, isCooperative: true, startsEarly: true)) == [
                "cuLaunchKernelEx \(configuration) attribute 4 2 1 1 attribute 2 1 attribute 6 1 0 7"
            ])
    }

    @Test func aKernelIsAllowedTheSharedMemoryOfItsLargestLaunch() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open(), queue = try device.makeQueue()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("add")
        _ = gpu.driver.calls()
        for size in [48 << 10, 100_000, 50_000, 227 << 10] {
            try queue.launch(kernel, launch(sharedMemory: size, clusterSize: size == 50_000 ? 4 : 1))
        }
        let launched = "add grid 16 2 1 block 64 1 1 shared"
        #expect(
            gpu.driver.calls() == [
                "cuFuncGetAttribute 8 add", "cuLaunchKernel \(launched) 49152 stream0 0 7",
                "cuFuncGetAttribute 8 add", "cuFuncSetAttribute add 8 100000",
                "cuLaunchKernel \(launched) 100000 stream0 0 7",
                "cuFuncGetAttribute 8 add",
                "cuLaunchKernelEx \(launched) 50000 stream0 attribute 4 4 1 1 0 7",
                "cuFuncGetAttribute 8 add", "cuFuncSetAttribute add 8 232448",
                "cuLaunchKernel \(launched) 232448 stream0 0 7",
            ])
        #expect(
            throws: CUDAError.driver(
                function: "cuFuncSetAttribute of add", name: "CUDA_ERROR_INVALID_VALUE", message: "a message")
        ) { try queue.launch(kernel, launch(sharedMemory: 227 << 10 + 1)) }
    }

    @Test func activeClustersAreTheDrivers() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("none")
        _ = gpu.driver.calls()
        #expect(try device.activeClusters(of: kernel, launch(sharedMemory: 60_000, clusterSize: 16)) == 7)
        #expect(
            gpu.driver.calls() == [
                "cuFuncGetAttribute 8 none", "cuFuncSetAttribute none 8 60000",
                "cuFuncSetAttribute none 14 1",
                "cuOccupancyMaxActiveClusters none grid 16 2 1 block 64 1 1 shared 60000 attribute 4 16 1 1",
            ])
        #expect(device.properties.multiprocessors == 132 && device.properties.sharedMemory == 227 << 10)
    }

    @Test func activeBlocksAreTheDriversOnEveryMultiprocessor() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("none")
        _ = gpu.driver.calls()
        let launch = launch(sharedMemory: 60_000, isCooperative: true)
        #expect(try device.activeBlocks(of: kernel, launch) == 2 * 132)
        #expect(
            gpu.driver.calls() == [
                "cuFuncGetAttribute 8 none", "cuFuncSetAttribute none 8 60000",
                "cuOccupancyMaxActiveBlocksPerMultiprocessor none block 64 shared 60000",
            ])
    }

    @Test func noClusterOfASizeThatTheGPUDoesNotHaveIsActive() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("none")
        // CUDA_ERROR_INVALID_CLUSTER_SIZE
        try gpu.driver.fail("cuOccupancyMaxActiveClusters", code: 912)
        #expect(try device.activeClusters(of: kernel, launch(clusterSize: 16)) == 0)
    }

    @Test(arguments: [(7, 5, false), (8, 9, false), (9, 0, true), (12, 0, true)])
    func clustersExistFromCapability9On(major: Int, minor: Int, hasClusters: Bool) throws {
        let gpu = try FakeGPU()
        (gpu.driver["major"], gpu.driver["minor"]) = (major, minor)
        gpu.compiler["architectures"] = 5
        let devices = try? DriverDevice.probe(environment: gpu.environment)
        #expect(devices == nil || devices?.hasClusters == hasClusters)
    }

    @Test(arguments: [
        "cuFuncGetAttribute", "cuFuncSetAttribute", "cuLaunchKernelEx", "cuOccupancyMaxActiveClusters",
        "cuOccupancyMaxActiveBlocksPerMultiprocessor",
    ])
    func aFailureOfAFunctionIsAnError(function: String) throws {
        let gpu = try FakeGPU()
        let device = try gpu.open(), queue = try device.makeQueue()
        let module = try device.load(Self.source)
        defer { withExtendedLifetime(module) {} }
        let kernel = try module.kernel("add")
        try gpu.driver.fail(function, code: 700)
        let error = #expect(throws: CUDAError.self) {
            let launch = launch(sharedMemory: 60_000, clusterSize: 16)
            _ = try device.activeClusters(of: kernel, launch)
            _ = try device.activeBlocks(of: kernel, launch)
            try queue.launch(kernel, launch)
        }
        #expect(
            error
                == .driver(
                    function: "\(function) of add", name: "CUDA_ERROR_ILLEGAL_ADDRESS",
                    message: "an illegal memory access was encountered"))
    }
}
