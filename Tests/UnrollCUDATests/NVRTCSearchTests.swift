import Foundation
import Testing
import UnrollBase
import UnrollCUDA
import UnrollTestSupport

/// The places where NVRTC is looked for.
@Suite(.needsCompiler) struct NVRTCSearchTests {
    /// Whether this machine has an NVRTC of its own that would be found before that of a test.
    private static let machineHasNVRTC =
        (try? DynamicLibrary("libnvrtc.so.12")) != nil
        || FileManager.default.fileExists(atPath: "/usr/local/cuda")

    /// Puts the fake at a place, as that of CUDA 12, and makes the driver one of CUDA 12.
    private func place(_ gpu: FakeGPU, _ folder: String) throws -> URL {
        let url = gpu.folder.appending(path: folder)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        let file = url.appending(path: "libnvrtc.so.12")
        try FileManager.default.copyItem(at: gpu.compiler.file, to: file)
        gpu.driver["version"] = 12040
        return file
    }

    /// Writes a program that prints lines.
    private func program(_ name: String, printing lines: [String], in folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: name)
        let script = "#!/bin/sh\n" + lines.map { "echo '\($0)'\n" }.joined()
        try Data(script.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }

    @Test func theVariableNamesAFileOrItsFolderAndNothingElseIsTried() throws {
        let gpu = try FakeGPU()
        let file = gpu.folder.appending(path: "libnvrtc.so.13")
        try FileManager.default.copyItem(at: gpu.compiler.file, to: file)
        for place in [file, gpu.folder] {
            gpu.environment["UNROLL_NVRTC"] = place.path
            _ = try gpu.open()
        }
        gpu.environment["UNROLL_NVRTC"] = gpu.folder.appending(path: "unroll").path
        guard case .noCompiler(let searched, "nvidia-cuda-nvrtc==13.*") = try gpu.openingError() else {
            Issue.record("another error")
            return
        }
        #expect(searched.count == 1)
        #expect(searched.first?.contains("/unroll (") == true)
        #expect(gpu.alive.isEmpty)
    }

    @Test func aCompilerWhoseCodeTheDriverCannotLoadIsNotTaken() throws {
        let gpu = try FakeGPU()
        gpu.driver["version"] = 12040
        guard case .noCompiler(let searched, "nvidia-cuda-nvrtc-cu12") = try gpu.openingError() else {
            Issue.record("another error")
            return
        }
        #expect(
            searched == ["\(gpu.compiler.file.path) (for CUDA 13.0, while the driver is for 12.4)"])
        gpu.compiler["major"] = 12
        _ = try gpu.open()
    }

    @Test(.enabled(if: !machineHasNVRTC, "this machine has NVRTC"))
    func theToolkitsFoldersAreSearchedAndThenThePackagesOfPython() throws {
        for (variable, folder) in [
            ("CUDA_HOME", "lib64"), ("CUDA_PATH", "lib64"), ("PATH", "nvidia/cuda_nvrtc/lib"),
        ] {
            let gpu = try FakeGPU()
            _ = try place(gpu, folder)
            gpu.environment["UNROLL_NVRTC"] = ""
            gpu.environment[variable] = gpu.folder.path
            try program("python3", printing: ["", "relative", "/nowhere", gpu.folder.path], in: gpu.folder)
            // The copy that is found is another library than the one of the test, and has version 13.
            guard case .noCompiler(let searched, _) = try gpu.openingError() else {
                Issue.record("another error")
                return
            }
            #expect(searched.first == "the folders of the system's libraries")
            #expect(searched.dropFirst().first?.hasPrefix(gpu.folder.appending(path: folder).path) == true)
        }
    }

    @Test(.enabled(if: !machineHasNVRTC, "this machine has NVRTC"))
    func withoutAnyNVRTCAllPlacesAreSaid() throws {
        let gpu = try FakeGPU()
        gpu.environment["UNROLL_NVRTC"] = nil
        gpu.environment["PATH"] = "/nowhere"
        gpu.driver["version"] = 12000
        #expect(
            try gpu.openingError()
                == .noCompiler(
                    searched: ["the folders of the system's libraries", "the packages of Python"],
                    package: "nvidia-cuda-nvrtc-cu12"))
    }
}
