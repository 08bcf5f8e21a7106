import Foundation
import UnrollBase

/// The places where NVRTC may be, in the order in which they are tried.
///
/// 1. The file or the folder that the environment variable `UNROLL_NVRTC` names; then it is that one or none.
/// 2. Where the loader finds libraries.
/// 3. The toolkit's folders, in `CUDA_HOME`, `CUDA_PATH` and /usr/local/cuda.
/// 4. The packages of the Python on `PATH`, which has NVRTC where it has PyTorch for GPUs.
struct NVRTCSearch {
    private let environment: [String: String]
    private let driver: CUDAVersion
    /// The major versions whose code the driver loads, the newest first.
    private let majorVersions: [Int]
    /// Where there is no usable NVRTC.
    private var searched: [String] = []

    #if arch(arm64)
        private static let toolkitFolders = ["lib64", "targets/sbsa-linux/lib"]
    #else
        private static let toolkitFolders = ["lib64", "targets/x86_64-linux/lib"]
    #endif

    /// Finds and loads an NVRTC whose code a driver can load.
    ///
    /// - Parameters:
    ///   - environment: The environment variables.
    ///   - driver: The driver's version.
    /// - Returns: The first that there is.
    /// - Throws: `CUDAError.noCompiler`.
    static func find(in environment: [String: String], driver: CUDAVersion) throws(CUDAError) -> NVRTC {
        var search = NVRTCSearch(environment: environment, driver: driver)
        if let found = search.run() { return found }
        throw .noCompiler(searched: search.searched, package: NVRTC.package(for: driver))
    }

    private init(environment: [String: String], driver: CUDAVersion) {
        self.environment = environment
        self.driver = driver
        majorVersions = (12...max(driver.major, 12)).reversed()
    }

    private mutating func run() -> NVRTC? {
        if let path = environment["UNROLL_NVRTC"], !path.isEmpty {
            return FileSystem.kind(of: URL(filePath: path)) == .folder
                ? search([URL(filePath: path)]) : load(path)
        }
        for version in majorVersions {
            if let found = try? NVRTC("libnvrtc.so.\(version)") { return found }
        }
        searched.append("the folders of the system's libraries")
        let homes = [environment["CUDA_HOME"], environment["CUDA_PATH"], "/usr/local/cuda"]
        let folders = homes.compactMap { $0 }.filter { $0.hasPrefix("/") }.flatMap { home in
            Self.toolkitFolders.map { URL(filePath: home).appending(path: $0) }
        }
        // Python last, as it has to be run.
        if let found = search(folders) ?? search(packageFolders(of: "python3"))
            ?? search(packageFolders(of: "python"))
        {
            return found
        }
        searched.append("the packages of Python")
        return nil
    }

    /// Loads NVRTC from the first folder that has one.
    private mutating func search(_ folders: [URL]) -> NVRTC? {
        for folder in folders where FileSystem.kind(of: folder) == .folder {
            for version in majorVersions {
                let file = folder.appending(path: "libnvrtc.so.\(version)")
                guard FileSystem.kind(of: file) == .file else { continue }
                if let found = load(file.path) { return found }
            }
            searched.append(folder.path)
        }
        return nil
    }

    /// Loads a file, or notes why that cannot be done.
    private mutating func load(_ path: String) -> NVRTC? {
        do throws(DynamicLibrary.Failure) {
            let nvrtc = try NVRTC(path)
            if nvrtc.version.major <= driver.major { return nvrtc }
            searched.append("\(path) (for CUDA \(nvrtc.version), while the driver is for \(driver))")
        } catch {
            searched.append("\(path) (\(error.reason))")
        }
        return nil
    }

    /// The folders of NVRTC's packages in all places where a Python looks for packages.
    ///
    /// Python itself is asked, as its place says little: what is on `PATH` may be a script that chooses one, and a
    /// distribution's Python has folders of its own.
    private func packageFolders(of python: String) -> [URL] {
        let paths = (environment["PATH"] ?? "").split(separator: ":").map {
            URL(filePath: String($0)).appending(path: python, directoryHint: .notDirectory)
        }
        guard
            let program = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }),
            let output = Self.output(
                of: program, ["-c", "import sys; print('\\n'.join(sys.path))"], environment)
        else { return [] }
        let packages = majorVersions.map { $0 == 12 ? "nvidia/cuda_nvrtc/lib" : "nvidia/cu\($0)/lib" }
        return output.split(separator: "\n").filter { $0.hasPrefix("/") }.flatMap { place in
            packages.map { URL(filePath: String(place)).appending(path: $0) }
        }
    }

    /// What a program writes to its standard output; nil if it fails.
    private static func output(
        of program: URL, _ arguments: [String], _ environment: [String: String]
    ) -> String? {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = environment
        let output = Pipe()
        // The end of the pipe is seen only when no other child of this process holds it open.
        ProcessSettings.closeOnExecution(output.fileHandleForReading.fileDescriptor)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
