import Foundation
import Synchronization
import UnrollBase

/// The places where NVRTC may be, in the order in which they are tried.
///
/// 1. The file or the folder that the environment variable `UNROLL_NVRTC` names; then it is that one or none.
/// 2. Where the loader finds libraries.
/// 3. The toolkit's folders, in `CUDA_HOME`, `CUDA_PATH`, `CONDA_PREFIX` and /usr/local/cuda.
/// 4. The packages of the Python on `PATH`, which has NVRTC where it has PyTorch for GPUs.
///
/// The first is taken that the driver can load the code of and that knows the GPU.
struct NVRTCSearch {
    /// A compiler, and the architecture that it is to compile for.
    struct Found: Sendable {
        let nvrtc: NVRTC
        /// Such as "sm_90".
        let architecture: String
    }

    private let environment: [String: String]
    private let driver: CUDAVersion
    private let capability: ComputeCapability
    /// The major versions whose code the driver loads, the newest first.
    private let majorVersions: [Int]
    /// Where there is no usable NVRTC.
    private var searched: [String] = []
    /// The version of an NVRTC that does not know the GPU.
    private var versionTooOld: CUDAVersion?

    /// What was found before, by what it depends on, since asking Python takes time.
    private static let known = Mutex<[[String]: Found]>([:])

    #if arch(arm64)
        private static let toolkitFolders = ["lib64", "targets/sbsa-linux/lib", "lib"]
    #else
        private static let toolkitFolders = ["lib64", "targets/x86_64-linux/lib", "lib"]
    #endif

    /// Finds and loads an NVRTC.
    ///
    /// - Parameters:
    ///   - environment: The environment variables.
    ///   - driver: The driver's version.
    ///   - capability: What the GPU is.
    /// - Returns: The first whose code the driver can load and the GPU can run.
    /// - Throws: `CUDAError.noCompiler` or `.compilerTooOld`.
    static func find(
        in environment: [String: String], driver: CUDAVersion, capability: ComputeCapability
    ) throws(CUDAError) -> Found {
        let variables = ["UNROLL_NVRTC", "CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX", "PATH"]
        let key = variables.map { environment[$0] ?? "" } + ["\(driver)", "\(capability)"]
        if let found = known.withLock({ $0[key] }) { return found }
        var search = NVRTCSearch(environment: environment, driver: driver, capability: capability)
        guard let found = search.run() else { throw search.error }
        known.withLock { $0[key] = found }
        return found
    }

    private init(environment: [String: String], driver: CUDAVersion, capability: ComputeCapability) {
        self.environment = environment
        self.driver = driver
        self.capability = capability
        majorVersions = (12...max(driver.major, 12)).reversed()
    }

    /// Why nothing was found.
    private var error: CUDAError {
        let package = NVRTC.package(for: driver)
        guard let versionTooOld else { return .noCompiler(searched: searched, package: package) }
        return .compilerTooOld(
            version: "\(versionTooOld)", architecture: "sm_\(capability.major)\(capability.minor)",
            package: package)
    }

    private mutating func run() -> Found? {
        if let path = environment["UNROLL_NVRTC"], !path.isEmpty {
            return FileSystem.kind(of: URL(filePath: path)) == .folder
                ? search([URL(filePath: path)]) : load(path)
        }
        for version in majorVersions {
            let name = "libnvrtc.so.\(version)"
            if let nvrtc = try? NVRTC(name), let found = take(nvrtc, from: name) { return found }
        }
        searched.append("the folders of the system's libraries")
        let homes = [
            environment["CUDA_HOME"], environment["CUDA_PATH"], environment["CONDA_PREFIX"],
            "/usr/local/cuda",
        ]
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
    private mutating func search(_ folders: [URL]) -> Found? {
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
    private mutating func load(_ path: String) -> Found? {
        do throws(DynamicLibrary.Failure) {
            return take(try NVRTC(path), from: path)
        } catch {
            searched.append("\(path) (\(error.reason))")
            return nil
        }
    }

    /// Takes an NVRTC, or notes why it is of no use.
    private mutating func take(_ nvrtc: NVRTC, from name: String) -> Found? {
        guard nvrtc.version.major <= driver.major else {
            searched.append("\(name) (for CUDA \(nvrtc.version), while the driver is for \(driver))")
            return nil
        }
        guard let architecture = nvrtc.architecture(for: capability) else {
            searched.append("\(name) (CUDA \(nvrtc.version) does not know the GPU)")
            versionTooOld = nvrtc.version
            return nil
        }
        return Found(nvrtc: nvrtc, architecture: architecture)
    }

    /// The folders of NVRTC's packages.
    private func packageFolders(of python: String) -> [URL] {
        PythonPackages.folders(
            majorVersions.map { $0 == 12 ? "nvidia/cuda_nvrtc/lib" : "nvidia/cu\($0)/lib" }, of: python,
            in: environment)
    }
}
