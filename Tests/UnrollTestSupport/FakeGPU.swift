import Foundation
import Testing
import UnrollBase
import UnrollCUDA

/// A machine with a stand-in for the driver and for NVRTC, both its own.
package final class FakeGPU {
    package let driver: FakeLibrary
    package let compiler: FakeLibrary
    /// Variables with which both are found, and a cache.
    package var environment: [String: String]
    /// A folder that is removed with this.
    package let folder: URL

    package init() throws {
        driver = try FakeLibrary("cuda")
        compiler = try FakeLibrary("nvrtc")
        folder = FileManager.default.temporaryDirectory.appending(path: "unroll-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        environment = [
            "UNROLL_CUDA_DRIVER": driver.file.path, "UNROLL_NVRTC": compiler.file.path,
            "XDG_CACHE_HOME": folder.path,
        ]
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Opens the GPU and forgets the calls of doing so.
    package func open() throws -> DriverDevice {
        let device = try DriverDevice.open(index: 0, environment: environment)
        _ = (driver.calls(), compiler.calls())
        return device
    }

    /// The error of opening.
    package func openingError(index: Int = 0) throws -> CUDAError {
        try #require(throws: CUDAError.self) { try DriverDevice.open(index: index, environment: environment) }
    }

    /// The files of the cache.
    package var cachedFiles: [URL] {
        let kernels = folder.appending(path: "unroll/kernels")
        return (try? FileManager.default.contentsOfDirectory(at: kernels, includingPropertiesForKeys: nil))
            ?? []
    }

    /// What the driver and NVRTC have made and was not given back.
    package var alive: [String] {
        let driver = [
            "contexts", "memory", "pinned", "streams", "captures", "modules", "graphs", "executables",
        ]
        return driver.filter { self.driver[$0] != 0 } + ["programs"].filter { compiler[$0] != 0 }
    }
}

/// A library of `Fakes`, loaded by itself.
package final class FakeLibrary: Sendable {
    /// The library; each instance is a file of its own.
    package let file: URL
    private let library: DynamicLibrary

    package init(_ name: String) throws {
        let parts = ["common", name] + (name == "cuda" ? ["cuda_kernels"] : [])
        let texts = try parts.map { name in
            let url = try #require(
                Bundle.module.url(forResource: name, withExtension: "c", subdirectory: "Fakes"))
            return try String(contentsOf: url, encoding: .utf8)
        }
        let compiled = try SharedLibraryCompiler.compile(texts.joined(separator: "\n"), language: "c")
        file = try SharedLibraryCompiler.copy(of: compiled)
        library = try DynamicLibrary(file.path)
    }

    /// The calls since this was last asked.
    package func calls() -> [String] {
        guard
            let function: @convention(c) () -> UnsafeMutablePointer<CChar>? = try? library.function(
                "fake_calls"),
            let text = function()
        else { return [] }
        defer { free(text) }
        return String(cString: text).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// A setting, or how many of something are alive.
    package subscript(name: String) -> Int {
        get {
            let function: (@convention(c) (UnsafePointer<CChar>) -> Int64)? = try? library.function(
                "fake_get")
            return function.map { Int($0(name)) } ?? -1
        }
        set {
            let function: (@convention(c) (UnsafePointer<CChar>, Int64) -> Void)? =
                try? library.function("fake_set")
            function?(name, Int64(newValue))
        }
    }

    /// Lets a call of a function fail: the first from now on, or another.
    package func fail(_ function: String, call: Int = 1, code: Int) throws {
        let fail: @convention(c) (UnsafePointer<CChar>, Int32, Int32) -> Void = try library.function(
            "fake_fail")
        fail(function, Int32(call), Int32(code))
    }
}
