import Foundation
import Synchronization
import UnrollBase

/// The places where NCCL may be, in the order in which they are tried.
///
/// 1. The file or the folder that the environment variable `UNROLL_NCCL` names; then it is that one or none.
/// 2. Where the loader finds libraries.
/// 3. The folder of libraries of `CONDA_PREFIX`.
/// 4. The packages of the Python on `PATH`, which has NCCL where it has PyTorch for GPUs.
package struct NCCLSearch {
    /// There is no NCCL.
    package struct Missing: Error {
        /// Where it was looked for, with the reason where there is a file that cannot be loaded.
        package let searched: [String]
    }

    private let environment: [String: String]
    private var searched: [String] = []

    /// What was found before, by what it depends on, since asking Python takes time.
    private static let known = Mutex<[[String]: Result<NCCL, Missing>]>([:])

    /// Finds and loads NCCL.
    ///
    /// - Parameter environment: The environment variables.
    /// - Returns: The first that can be loaded.
    /// - Throws: `Missing`.
    package static func find(in environment: [String: String]) throws(Missing) -> NCCL {
        let key = ["UNROLL_NCCL", "CONDA_PREFIX", "PATH"].map { environment[$0] ?? "" }
        let result = known.withLock { known in
            if let result = known[key] { return result }
            var search = NCCLSearch(environment: environment)
            let result =
                search.run().map(Result<NCCL, Missing>.success)
                ?? .failure(Missing(searched: search.searched))
            known[key] = result
            return result
        }
        return try result.get()
    }

    private init(environment: [String: String]) {
        self.environment = environment
    }

    private mutating func run() -> NCCL? {
        if let path = environment["UNROLL_NCCL"], !path.isEmpty {
            let url = URL(filePath: path)
            return FileSystem.kind(of: url) == .folder ? search([url]) : load(path)
        }
        if let nccl = try? NCCL(NCCL.file) { return nccl }
        searched.append("the folders of the system's libraries")
        let conda = environment["CONDA_PREFIX"].map { [URL(filePath: $0).appending(path: "lib")] } ?? []
        if let nccl = search(conda) ?? search(packageFolders(of: "python3"))
            ?? search(packageFolders(of: "python"))
        {
            return nccl
        }
        searched.append("the packages of Python")
        return nil
    }

    private func packageFolders(of python: String) -> [URL] {
        PythonPackages.folders(["nvidia/nccl/lib"], of: python, in: environment)
    }

    /// Loads NCCL from the first folder that has one.
    private mutating func search(_ folders: [URL]) -> NCCL? {
        for folder in folders {
            let file = folder.appending(path: NCCL.file)
            if FileSystem.kind(of: file) == .file, let nccl = load(file.path) { return nccl }
        }
        return nil
    }

    /// Loads a file, or notes why that cannot be done.
    private mutating func load(_ path: String) -> NCCL? {
        do throws(DynamicLibrary.Failure) {
            return try NCCL(path)
        } catch {
            searched.append("\(path) (\(error.reason))")
            return nil
        }
    }
}
