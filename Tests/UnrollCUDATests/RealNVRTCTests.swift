import DeviceCheck
import Foundation
import KernelSources
import Testing
import UnrollCUDA
import UnrollTestSupport

/// This machine's NVRTC.
private enum RealNVRTC {
    /// Whether there is one that knows current GPUs.
    static let isThere: Bool = {
        guard SharedLibraryCompiler.isAvailable, let gpu = try? FakeGPU() else { return false }
        return (try? DriverDevice.probe(environment: environment(of: gpu))) != nil
    }()

    /// The variables with which it is found beside a fake driver.
    static func environment(of gpu: FakeGPU) -> [String: String] {
        let own = ProcessInfo.processInfo.environment
        var environment = own.merging(gpu.environment) { $1 }
        environment["UNROLL_NVRTC"] = own["UNROLL_NVRTC"]
        return environment
    }
}

/// The primitives compile with NVRTC where this machine has it; no GPU is needed.
@Suite(
    .needsCompiler, .enabled(if: RealNVRTC.isThere, "this machine has no NVRTC; UNROLL_NVRTC can name one"))
struct RealNVRTCTests {
    @Test(arguments: [(8, 0), (9, 0), (10, 0)])
    func thePrimitivesCompile(major: Int, minor: Int) throws {
        let gpu = try FakeGPU()
        (gpu.driver["major"], gpu.driver["minor"]) = (major, minor)
        let device: DriverDevice
        do throws(CUDAError) {
            device = try DriverDevice.open(index: 0, environment: RealNVRTC.environment(of: gpu))
        } catch {
            guard case .compilerTooOld = error else { throw error }
            return
        }
        let module = try device.load(EveryPrimitive.blocks)
        #expect(try module.kernel("everything").name == "everything")
        #expect(throws: CUDAError.self) { try module.kernel("nothing") }
        let cubin = try Data(contentsOf: #require(gpu.cachedFiles.first))
        #expect(cubin.starts(with: [0x7F, 0x45, 0x4C, 0x46]))
        if device.properties.hasClusters {
            _ = try device.load(EveryPrimitive.clusters).kernel("pass_in_cluster")
            let exchange = KernelSource(name: "the exchange", text: ExchangeKernel().text)
            _ = try device.load(exchange).kernel("exchange")
        } else {
            let error = #expect(throws: CUDAError.self) { try device.load(EveryPrimitive.clusters) }
            #expect(error?.description.contains("cluster_rank") == true, "\(String(describing: error))")
        }
    }

    @Test func anErrorNamesTheLineOfTheKernels() throws {
        let gpu = try FakeGPU()
        let device = try DriverDevice.open(index: 0, environment: RealNVRTC.environment(of: gpu))
        let error = #expect(throws: CUDAError.self) {
            try device.load(KernelSource(name: "bad kernels", text: "\nint f() { return undeclared; }\n"))
        }
        #expect(error?.description.contains("kernels(2): error:") == true, "\(String(describing: error))")
    }
}
