import Foundation
import Testing
import UnrollCUDA
import UnrollTestSupport

/// Compiling kernels, and the cache of compiled ones.
@Suite(.needsCompiler) struct KernelCompilerTests {
    private let source = KernelSource(name: "the test's kernels", text: "// kernel none \n")

    private func compilations(_ gpu: FakeGPU) -> [String] {
        gpu.compiler.calls().filter { $0.hasPrefix("nvrtcCompileProgram") }
    }

    @Test func kernelsAreCompiledOnceForAllProcesses() throws {
        let gpu = try FakeGPU()
        for expected in [["nvrtcCompileProgram -arch=sm_90 -std=c++17 -diag-suppress=177"], []] {
            let module = try gpu.open().load(source)
            #expect(try module.kernel("none").name == "none")
            #expect(compilations(gpu) == expected)
        }
        #expect(gpu.cachedFiles.count == 1)
        #expect(gpu.cachedFiles.first?.pathExtension == "cubin")
        #expect(gpu.alive.isEmpty)
    }

    @Test(arguments: [
        ("0.5", " -DWATCHDOG=500000000ull"), ("2", " -DWATCHDOG=2000000000ull"),
    ])
    func kernelsMayHaveAWatchdog(seconds: String, option: String) throws {
        let gpu = try FakeGPU()
        gpu.environment["UNROLL_CUDA_WATCHDOG"] = seconds
        _ = try gpu.open().load(source)
        #expect(
            compilations(gpu) == ["nvrtcCompileProgram -arch=sm_90 -std=c++17 -diag-suppress=177\(option)"])
    }

    @Test(arguments: ["0", "x", "", "nan", "1s", "1e9"])
    func aWatchdogThatMakesNoSenseIsNamed(text: String) throws {
        let gpu = try FakeGPU()
        gpu.environment["UNROLL_CUDA_WATCHDOG"] = text
        #expect(throws: CUDAError.invalidWatchdog(text)) { _ = try gpu.open() }
    }

    @Test func anotherSourceArchitectureOrCompilerCompilesAgain() throws {
        let gpu = try FakeGPU()
        _ = try gpu.open().load(source)
        _ = try gpu.open().load(KernelSource(name: source.name, text: source.text + "//"))
        #expect(compilations(gpu).count == 1)
        (gpu.driver["major"], gpu.driver["minor"]) = (8, 0)
        _ = try gpu.open().load(source)
        #expect(compilations(gpu) == ["nvrtcCompileProgram -arch=sm_80 -std=c++17 -diag-suppress=177"])
        gpu.driver["version"] = 13010
        gpu.compiler["minor"] = 1
        _ = try gpu.open().load(source)
        #expect(compilations(gpu).count == 1)
        #expect(gpu.cachedFiles.count == 4)
    }

    @Test func aFileThatTheDriverRefusesIsReplaced() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        _ = try device.load(source)
        _ = gpu.compiler.calls()
        try gpu.driver.fail("cuModuleLoadData", code: 200)
        _ = try device.load(source)
        #expect(compilations(gpu).count == 1)
        _ = try device.load(source)
        #expect(compilations(gpu).isEmpty)
    }

    /// The driver would read past the end of what is cut off.
    @Test(arguments: [0, 5, 64, 100, -1])
    func aDamagedFileIsReplaced(size: Int) throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        _ = try device.load(source)
        let file = try #require(gpu.cachedFiles.first)
        let contents = try Data(contentsOf: file)
        var damaged = size < 0 ? contents : contents.prefix(size)
        if size < 0 { damaged[10] ^= 1 }
        try damaged.write(to: file)
        _ = (gpu.compiler.calls(), gpu.driver.calls())
        _ = try device.load(source)
        #expect(compilations(gpu).count == 1)
        #expect(gpu.driver.calls().filter { $0.hasPrefix("cuModuleLoadData") }.count == 1)
        #expect(try Data(contentsOf: file) == contents)
        _ = try device.load(source)
        #expect(compilations(gpu).isEmpty)
    }

    @Test func whatTheDriverRefusesTwiceOrForAnotherReasonIsAnError() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        try gpu.driver.fail("cuModuleLoadData", code: 200)
        let refusal = CUDAError.driver(
            function: "cuModuleLoadData", name: "CUDA_ERROR_INVALID_IMAGE", message: "a message")
        #expect(throws: refusal) { try device.load(source) }
        _ = try device.load(source)
        _ = gpu.compiler.calls()
        try gpu.driver.fail("cuModuleLoadData", code: 700)
        #expect(throws: CUDAError.self) { try device.load(source) }
        #expect(compilations(gpu).isEmpty)
        #expect(gpu.driver["modules"] == 0)
    }

    @Test func aCacheThatCannotBeWrittenIsNoError() throws {
        let gpu = try FakeGPU()
        let file = gpu.folder.appending(path: "file")
        try Data().write(to: file)
        gpu.environment["XDG_CACHE_HOME"] = file.path
        let device = try gpu.open()
        for _ in 0..<2 {
            _ = try device.load(source)
            #expect(compilations(gpu).count == 1)
        }
    }

    @Test func aFolderInPlaceOfACachedFileIsNoError() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        _ = try device.load(source)
        let file = try #require(gpu.cachedFiles.first)
        try FileManager.default.removeItem(at: file)
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
        _ = try device.load(source)
        #expect(compilations(gpu).count == 2)
    }

    @Test func anErrorInTheSourceHasTheCompilersMessages() throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        let error = #expect(throws: CUDAError.self) {
            try device.load(KernelSource(name: "bad kernels", text: "#error\n"))
        }
        guard case .compilation("bad kernels", let log) = error else { Issue.record("no error"); return }
        #expect(log.contains("1 error detected"))
        #expect(error?.description.contains("kernels(1): error: #error is there;") == true)
        #expect(gpu.cachedFiles.isEmpty)
        #expect(gpu.compiler["programs"] == 0)
    }

    @Test(arguments: ["nvrtcCreateProgram", "nvrtcCompileProgram", "nvrtcGetCUBINSize"])
    func aFailureOfTheCompilerIsAnError(function: String) throws {
        let gpu = try FakeGPU()
        let device = try gpu.open()
        try gpu.compiler.fail(function, code: 5)
        #expect(throws: CUDAError.compilation(name: source.name, log: "NVRTC_ERROR_INVALID_OPTION")) {
            try device.load(source)
        }
        #expect(gpu.compiler["programs"] == 0)
    }

    @Test(arguments: [(8, 6, "sm_80"), (9, 0, "sm_90"), (10, 3, "sm_100"), (7, 5, "sm_75")])
    func theNearestArchitectureThatTheGPURunsIsTaken(major: Int, minor: Int, expected: String) throws {
        let gpu = try FakeGPU()
        (gpu.driver["major"], gpu.driver["minor"]) = (major, minor)
        _ = try gpu.open().load(source)
        #expect(compilations(gpu) == ["nvrtcCompileProgram -arch=\(expected) -std=c++17 -diag-suppress=177"])
    }

    @Test func anArchitectureThatTheCompilerDoesNotKnowIsAnError() throws {
        let gpu = try FakeGPU()
        gpu.compiler["architectures"] = 2
        #expect(
            try gpu.openingError()
                == .compilerTooOld(
                    version: "13.0", architecture: "sm_90", package: "nvidia-cuda-nvrtc==13.*"))
        #expect(gpu.alive.isEmpty)
    }
}
