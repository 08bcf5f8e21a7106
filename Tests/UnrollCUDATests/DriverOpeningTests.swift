import Foundation
import Testing
import UnrollCUDA
import UnrollTestSupport

/// Finding the driver and a GPU, and every reason why there is none.
@Suite(.needsCompiler) struct DriverOpeningTests {
    @Test func openingAsksForWhatItNeedsInOrder() throws {
        let gpu = try FakeGPU()
        var device: DriverDevice? = try DriverDevice.open(index: 0, environment: gpu.environment)
        #expect(
            device?.properties
                == DeviceProperties(
                    name: "Fake 0", index: 0, capability: ComputeCapability(9, 0), memory: 1 << 30,
                    multiprocessors: 132, sharedMemory: 227 << 10, uuid: (40..<56).map { $0 }))
        #expect(
            gpu.driver.calls() == [
                "cuDriverGetVersion", "cuInit 0", "cuDeviceGetCount", "cuDeviceGet 0", "cuDeviceGetName 40",
                "cuDeviceGetAttribute 75 40", "cuDeviceGetAttribute 76 40", "cuDeviceGetAttribute 16 40",
                "cuDeviceGetAttribute 97 40", "cuDeviceTotalMem 40", "cuDeviceGetUuid 40",
                "cuDevicePrimaryCtxRetain 40",
            ])
        #expect(gpu.alive == ["contexts"])
        device = nil
        #expect(gpu.driver.calls() == ["cuDevicePrimaryCtxRelease 40"])
        #expect(gpu.alive.isEmpty)
    }

    @Test func probingClaimsNothingOfTheGPU() throws {
        let gpu = try FakeGPU()
        gpu.driver["devices"] = 3
        let properties = try DriverDevice.probe(index: 2, environment: gpu.environment)
        #expect(properties.name == "Fake 2")
        #expect(!gpu.driver.calls().contains { $0.hasPrefix("cuDevicePrimaryCtxRetain") })
    }

    @Test func allGPUsAreListedWithoutACompilerAndWithOldOnes() throws {
        let gpu = try FakeGPU()
        gpu.environment["UNROLL_NVRTC"] = "/nowhere"
        gpu.driver["devices"] = 2
        gpu.driver["major"] = 3
        let devices = try CUDADeviceInfo.all(environment: gpu.environment)
        #expect(devices.map(\.name) == ["Fake 0", "Fake 1"])
        #expect(devices.map(\.index) == [0, 1])
        #expect(devices.map(\.computeCapability) == ["3.0", "3.0"])
        #expect(devices.map(\.memory) == [1 << 30, 1 << 30])
    }

    @Test func aMissingDriverIsAnErrorInTheLoadersWords() throws {
        let gpu = try FakeGPU()
        gpu.environment["UNROLL_CUDA_DRIVER"] = "/nowhere/libcuda.so"
        let error = try gpu.openingError()
        guard case .noDriver(let reason) = error else { Issue.record("\(error)"); return }
        #expect(reason.contains("/nowhere/libcuda.so"))
    }

    @Test func aLibraryThatIsNoDriverIsAnError() throws {
        let gpu = try FakeGPU()
        gpu.environment["UNROLL_CUDA_DRIVER"] = gpu.compiler.file.path
        let error = try gpu.openingError()
        guard case .noDriver(let reason) = error else { Issue.record("\(error)"); return }
        #expect(reason.contains("cuDriverGetVersion"))
    }

    @Test func anOldDriverIsAnErrorBeforeAnythingElse() throws {
        let gpu = try FakeGPU()
        gpu.driver["version"] = 11080
        #expect(try gpu.openingError() == .driverTooOld(version: "11.8", needed: "12.0"))
        #expect(gpu.driver.calls() == ["cuDriverGetVersion"])
    }

    @Test func aDriverWithoutAGPUIsAnError() throws {
        let gpu = try FakeGPU()
        gpu.driver["devices"] = 0
        #expect(try gpu.openingError() == .noDevice)
        #expect(throws: CUDAError.noDevice) { try CUDADeviceInfo.all(environment: gpu.environment) }
    }

    @Test(arguments: [-1, 2]) func anotherNumberThanThoseOfTheGPUsIsAnError(index: Int) throws {
        let gpu = try FakeGPU()
        gpu.driver["devices"] = 2
        #expect(try gpu.openingError(index: index) == .noSuchDevice(index: index, count: 2))
    }

    @Test func anOldGPUIsAnError() throws {
        let gpu = try FakeGPU()
        (gpu.driver["major"], gpu.driver["minor"]) = (7, 0)
        #expect(
            try gpu.openingError() == .unsupportedDevice(name: "Fake 0", capability: "7.0", needed: "7.5"))
        #expect(gpu.alive.isEmpty)
    }

    @Test(arguments: [
        "cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute",
        "cuDeviceTotalMem", "cuDeviceGetUuid",
        "cuDevicePrimaryCtxRetain",
    ])
    func aFailureOfTheDriverNamesTheFunction(function: String) throws {
        let gpu = try FakeGPU()
        try gpu.driver.fail(function, code: 700)
        #expect(
            try gpu.openingError()
                == .driver(
                    function: function, name: "CUDA_ERROR_ILLEGAL_ADDRESS",
                    message: "an illegal memory access was encountered"))
        #expect(gpu.alive.isEmpty)
    }

    @Test func handWrittenTypesHaveTheSizesOfCUDAs() {
        #expect(MemoryLayout<DriverFunctions.Result>.size == 4)
        #expect(MemoryLayout<DriverFunctions.DeviceNumber>.size == 4)
        #expect(MemoryLayout<DriverFunctions.Address>.size == 8)
        #expect(MemoryLayout<DriverFunctions.Handle?>.size == 8)
        #expect(MemoryLayout<NVRTCFunctions.Result>.size == 4)
        #expect(MemoryLayout<NVRTCFunctions.Program?>.size == 8)
        // size_t
        #expect(MemoryLayout<Int>.size == 8)
        // The driver reads an array of attributes, and one configuration, whose last bytes are without meaning.
        #expect(MemoryLayout<LaunchAttribute>.stride == 72)
        #expect(MemoryLayout.offset(of: \LaunchAttribute.value) == 8)
        #expect(MemoryLayout<LaunchConfiguration>.stride == 56)
        #expect(MemoryLayout.offset(of: \LaunchConfiguration.threads) == 12)
        #expect(MemoryLayout.offset(of: \LaunchConfiguration.sharedMemory) == 24)
        #expect(MemoryLayout.offset(of: \LaunchConfiguration.stream) == 32)
        #expect(MemoryLayout.offset(of: \LaunchConfiguration.attributes) == 40)
        #expect(MemoryLayout.offset(of: \LaunchConfiguration.attributeCount) == 48)
    }

    @Test func everyErrorIsOneLine() {
        let errors: [CUDAError] = [
            .noDriver(reason: "libcuda.so.1: cannot open"), .driverTooOld(version: "11.4", needed: "12.0"),
            .noDevice, .noSuchDevice(index: 1, count: 1), .noSuchDevice(index: 4, count: 2),
            .unsupportedDevice(name: "Old", capability: "5.2", needed: "7.5"),
            .noCompiler(searched: ["a", "b"], package: "p"),
            .compilerTooOld(version: "12.0", architecture: "sm_103", package: "p"),
            .compilation(name: "kernels of 'lstm'", log: "note: 1\nkernels(4): error: 2\n3\n"),
            .outOfMemory(needed: 3_000_000_000, available: 1_500_000, device: "GPU"),
            .driver(function: "cuInit", name: "CUDA_ERROR_UNKNOWN", message: "two\nlines"),
            .unknownKernels("two\nlines"),
        ]
        for error in errors {
            #expect(!error.description.contains("\n"), "\(error)")
            #expect(error.localizedDescription == error.description)
        }
        #expect(
            errors[4].description == "there is no GPU 4; there are 2, from 0 to 1"
                && errors[3].description == "there is no GPU 1; the only one is 0")
        #expect(
            errors[8].description
                == "kernels of 'lstm' cannot be compiled for the GPU: kernels(4): error: 2; report this as a bug"
        )
        #expect(
            errors[9].description.hasPrefix(
                "3.0 GB do not fit in the memory of the GPU 'GPU', of which 1.5 MB are free"))
    }
}
