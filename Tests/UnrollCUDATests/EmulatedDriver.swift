import Foundation
import Testing
import UnrollBase
import UnrollCUDA
import UnrollKernels
import UnrollTestSupport

/// A driver and an NVRTC of its own that run kernels on the CPU: the libraries of the folder `EmulatedDriver`.
///
/// In contrast to `EmulatedDevice`, a program cannot tell them from a GPU's.
struct EmulatedDriver {
    /// The variables with which both are found.
    let environment: [String: String]
    private let driver: DynamicLibrary

    /// A GPU with so many bytes of memory; everything is in a fixed order if the seed is 0.
    init(memory: Int = 1 << 30, seed: UInt64 = 0) throws {
        let compiler = try #require(EmulatorCompiler.shared)
        let driver = try SharedLibraryCompiler.copy(of: Self.compile("cuda"))
        // Kernels are compiled once for many runs of the tests, as by `EmulatedDevice`.
        environment = [
            "UNROLL_CUDA_DRIVER": driver.path, "UNROLL_NVRTC": try Self.compile("nvrtc").path,
            "XDG_CACHE_HOME": compiler.folder.path,
        ]
        self.driver = try DynamicLibrary(driver.path)
        let set: @convention(c) (UInt64, UInt64) -> Void = try self.driver.function("emulated_set")
        set(UInt64(memory), seed)
    }

    /// The launches since this was last asked, as the driver has understood them.
    func launches() throws -> [String] {
        let get: @convention(c) () -> UnsafePointer<CChar> = try driver.function("emulated_launches")
        return String(cString: get()).split(separator: "\n").map(String.init)
    }

    /// Opens the GPU by way of the package's driver code.
    func open() throws -> DriverDevice { try DriverDevice.open(index: 0, environment: environment) }

    /// An engine on the GPU.
    func engine(_ model: EngineModel, precision: Precision = .float32) throws -> CUDAEngine {
        try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision,
            on: open())
    }

    /// A library of the folder; `Tools/cuda/emulate` makes the same.
    private static func compile(_ name: String) throws -> URL {
        let compiler = try #require(SharedLibraryCompiler.compiler(of: "c++"))
        let source = try #require(
            Bundle.module.url(forResource: name, withExtension: "cpp", subdirectory: "EmulatedDriver"))
        let text = """
            static const char emulatorText[] = R"emulator(\(EmulatorCompiler.prelude))emulator";
            static const char compilerPath[] = R"emulator(\(compiler.path))emulator";
            #include "\(name).cpp"

            """
        let folder = source.deletingLastPathComponent().path
        return try SharedLibraryCompiler.compile(
            text, language: "c++",
            options: ["-std=c++20", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-I", folder])
    }
}
