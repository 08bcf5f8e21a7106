import Foundation
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
    private let source = KernelSource(
        name: "all primitives",
        text: """
            KERNEL(128, everything, (float* out, const Float4* in, double* sums, u64 stride, int count)) {
                SHARED float parts[128];
                int i = threadIdx.x;
                Float4 value = in[blockIdx.x * stride + i];
                parts[i] = warp_xor(value.x + value.y, 1) + value.z * value.w;
                __syncthreads();
                u32 a[4], b[2];
                for (int k = 0; k < 4; k++) a[k] = bfloat16_pair(parts[(i + k) % 128], value.x);
                for (int k = 0; k < 2; k++) b[k] = bfloat16_pair(value.y, parts[(i + 7 * k) % 128]);
                float d[4] = {0, 0, 0, 0};
                multiply_add(d, a, b);
                for (int k = 0; k < 4; k++) out[4 * i + k] = d[k];
                if (i < count) sums[i] = warp_xor(double(d[0]), 16) + multiply_high(u32(i), 0x9E3779B9u);
            }
            """)

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
        let module = try device.load(source)
        #expect(try module.kernel("everything").name == "everything")
        #expect(throws: CUDAError.self) { try module.kernel("nothing") }
        let cubin = try Data(contentsOf: #require(gpu.cachedFiles.first))
        #expect(cubin.starts(with: [0x7F, 0x45, 0x4C, 0x46]))
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
