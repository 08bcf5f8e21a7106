import Foundation
import UnrollBase

/// NVRTC, CUDA's compiler as a library.
struct NVRTC: Sendable {
    private let functions: NVRTCFunctions
    let version: CUDAVersion
    /// The architectures that it compiles for, as compute capabilities.
    private let architectures: [ComputeCapability]

    /// The result that says that the source is at fault.
    private static let compilationFailed: NVRTCFunctions.Result = 6

    /// Loads NVRTC.
    ///
    /// - Parameter name: A path, or a bare name for the loader to find.
    /// - Throws: The loader's reason.
    init(_ name: String) throws(DynamicLibrary.Failure) {
        functions = try NVRTCFunctions(in: DynamicLibrary(name))
        var (major, minor): (Int32, Int32) = (0, 0)
        _ = functions.nvrtcVersion(&major, &minor)
        version = CUDAVersion(Int(major), Int(minor))
        var count: Int32 = 0
        _ = functions.nvrtcGetNumSupportedArchs(&count)
        var numbers = [Int32](repeating: 0, count: max(Int(count), 0))
        _ = functions.nvrtcGetSupportedArchs(&numbers)
        architectures = numbers.map { ComputeCapability(Int($0) / 10, Int($0) % 10) }
        Self.loadBuiltins(of: version, beside: name)
    }

    /// Loads the second library of NVRTC by its path: NVRTC asks for it by its bare name, which the loader finds elsewhere
    /// only if it is one of the system's, but knows then as the one that is loaded.
    private static func loadBuiltins(of version: CUDAVersion, beside name: String) {
        guard name.contains("/") else { return }
        let file = URL(filePath: name)
        for library in [file, file.resolvingSymlinksInPath()] {
            let builtins = library.deletingLastPathComponent()
                .appending(path: "libnvrtc-builtins.so.\(version)")
            if FileSystem.kind(of: builtins) == .file, (try? DynamicLibrary(builtins.path)) != nil { return }
        }
    }

    /// What pip installs an NVRTC from that makes code for a driver.
    static func package(for driver: CUDAVersion) -> String {
        driver.major == 12 ? "nvidia-cuda-nvrtc-cu12" : "nvidia-cuda-nvrtc==\(driver.major).*"
    }

    /// Compute capabilities of modules for cars and robots, whose code other GPUs do not run.
    private static let embedded = [
        ComputeCapability(7, 2), ComputeCapability(8, 7), ComputeCapability(10, 1), ComputeCapability(11, 0),
    ]

    /// The architecture whose code a GPU runs best: its own, or else the last before it of the same major version.
    ///
    /// - Returns: Its name, such as "sm_90"; nil if there is none.
    func architecture(for capability: ComputeCapability) -> String? {
        let best = architectures.filter {
            $0 == capability
                || $0.major == capability.major && $0 < capability && !Self.embedded.contains($0)
        }.max()
        return best.map { "sm_\($0.major)\($0.minor)" }
    }

    /// Compiles a text to a cubin.
    ///
    /// - Throws: `CUDAError.compilation`.
    func compile(_ text: String, name: String, options: [String]) throws(CUDAError) -> [UInt8] {
        var program: NVRTCFunctions.Program?
        try check(functions.nvrtcCreateProgram(&program, text, "prelude", 0, nil, nil), name)
        defer { _ = functions.nvrtcDestroyProgram(&program) }
        let copies = options.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let result = functions.nvrtcCompileProgram(
            program, Int32(copies.count), copies.map { UnsafePointer($0) })
        if result == Self.compilationFailed, case let log = log(of: program), !log.isEmpty {
            throw .compilation(name: name, log: log)
        }
        try check(result, name)
        var size = 0
        try check(functions.nvrtcGetCUBINSize(program, &size), name)
        var cubin = [UInt8](repeating: 0, count: size)
        try check(functions.nvrtcGetCUBIN(program, &cubin), name)
        return cubin
    }

    private func check(_ result: NVRTCFunctions.Result, _ name: String) throws(CUDAError) {
        guard result != 0 else { return }
        let reason = functions.nvrtcGetErrorString(result).map { String(cString: $0) }
        throw .compilation(name: name, log: reason ?? "error \(result)")
    }

    private func log(of program: NVRTCFunctions.Program?) -> String {
        var size = 0
        guard functions.nvrtcGetProgramLogSize(program, &size) == 0, size > 0 else { return "" }
        var log = [CChar](repeating: 0, count: size)
        guard functions.nvrtcGetProgramLog(program, &log) == 0 else { return "" }
        return String(decoding: log.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// The functions of NVRTC that this package calls, with types as in `DriverFunctions`.
package struct NVRTCFunctions: Sendable {
    /// `nvrtcResult`: 0 for success.
    package typealias Result = Int32
    /// `nvrtcProgram`.
    package typealias Program = OpaquePointer

    let nvrtcVersion:
        @convention(c) @Sendable (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>) -> Result
    let nvrtcGetErrorString: @convention(c) @Sendable (Result) -> UnsafePointer<CChar>?
    let nvrtcGetNumSupportedArchs: @convention(c) @Sendable (UnsafeMutablePointer<Int32>) -> Result
    let nvrtcGetSupportedArchs: @convention(c) @Sendable (UnsafeMutablePointer<Int32>) -> Result
    let nvrtcCreateProgram:
        @convention(c) @Sendable (
            UnsafeMutablePointer<Program?>, UnsafePointer<CChar>, UnsafePointer<CChar>, Int32,
            UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?
        ) -> Result
    let nvrtcDestroyProgram: @convention(c) @Sendable (UnsafeMutablePointer<Program?>) -> Result
    let nvrtcCompileProgram:
        @convention(c) @Sendable (Program?, Int32, UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    let nvrtcGetProgramLogSize: @convention(c) @Sendable (Program?, UnsafeMutablePointer<Int>) -> Result
    let nvrtcGetProgramLog: @convention(c) @Sendable (Program?, UnsafeMutablePointer<CChar>) -> Result
    let nvrtcGetCUBINSize: @convention(c) @Sendable (Program?, UnsafeMutablePointer<Int>) -> Result
    let nvrtcGetCUBIN: @convention(c) @Sendable (Program?, UnsafeMutableRawPointer) -> Result

    /// Finds them all.
    init(in library: DynamicLibrary) throws(DynamicLibrary.Failure) {
        nvrtcVersion = try library.function("nvrtcVersion")
        nvrtcGetErrorString = try library.function("nvrtcGetErrorString")
        nvrtcGetNumSupportedArchs = try library.function("nvrtcGetNumSupportedArchs")
        nvrtcGetSupportedArchs = try library.function("nvrtcGetSupportedArchs")
        nvrtcCreateProgram = try library.function("nvrtcCreateProgram")
        nvrtcDestroyProgram = try library.function("nvrtcDestroyProgram")
        nvrtcCompileProgram = try library.function("nvrtcCompileProgram")
        nvrtcGetProgramLogSize = try library.function("nvrtcGetProgramLogSize")
        nvrtcGetProgramLog = try library.function("nvrtcGetProgramLog")
        nvrtcGetCUBINSize = try library.function("nvrtcGetCUBINSize")
        nvrtcGetCUBIN = try library.function("nvrtcGetCUBIN")
    }
}
