import Foundation
import UnrollBase

/// Where to look for the MPI library of a launcher.
package enum MPISearch {
    /// Names of libraries in the order in which they are tried.
    ///
    /// First come files in the folder `lib` beside the launcher's `bin`, as a package of PyPI has them, then names that the
    /// loader looks for. Libraries of other launchers come last: they do not work, and tell what is there.
    package static func candidates(for launcher: Launcher, environment: [String: String]) -> [String] {
        let names = names(for: launcher.kind)
        let folders = folders(environment: environment, ancestors: ProcessSettings.ancestors())
        let files = folders.flatMap { folder in names.map { folder + "/" + $0 } }
        return files.filter { FileManager.default.fileExists(atPath: $0) } + names
    }

    private static let openMPI = ["libmpi.so.40"]
    private static let mpich = ["libmpi.so.12", "libmpich.so.12"]
    private static let standard = ["libmpi_abi.so.1"]

    /// Names of libraries for a kind of launcher.
    package static func names(for kind: Launcher.Kind) -> [String] {
        switch kind {
        case .openMPI, .slurm: openMPI + standard + mpich
        case .hydra: mpich + standard + openMPI
        }
    }

    /// Folders of libraries beside launchers.
    ///
    /// - Parameters:
    ///   - environment: The environment variables, in which Open MPI tells its place.
    ///   - ancestors: The programs of the parent of this process, its parent and so on.
    /// - Returns: The folders, which need not exist.
    package static func folders(environment: [String: String], ancestors: [String]) -> [String] {
        let launchers = ["mpirun", "mpiexec", "hydra", "prte", "orte"]
        let programs = ancestors.map { URL(fileURLWithPath: $0) }
            .filter { program in launchers.contains { program.lastPathComponent.contains($0) } }
        let prefixes =
            [environment["OPAL_PREFIX"]].compactMap { $0 }
            + programs.map { $0.deletingLastPathComponent().deletingLastPathComponent().path }
        // A launcher and its agent are often beside each other.
        var folders: [String] = []
        for prefix in prefixes where !folders.contains(prefix + "/lib") { folders.append(prefix + "/lib") }
        return folders
    }
}
