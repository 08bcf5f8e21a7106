/// The program that has started this process as one of several, such as `mpirun`, as the environment tells.
package struct Launcher: Sendable, Equatable {
    /// The kinds of launchers, which differ in how their processes find each other.
    package enum Kind: Sendable, Equatable {
        /// `mpirun` of Open MPI.
        case openMPI
        /// `mpiexec` of MPICH, Intel MPI and their kin, whose processes speak PMI.
        case hydra
        /// `srun` of SLURM, whose processes speak PMIx, as those of Open MPI do.
        case slurm
    }

    /// Its kind.
    package let kind: Kind
    /// Its name for people, with its version where it is known, such as "mpirun of Open MPI 5.0.11".
    package let name: String
    /// This process, in `0..<size`.
    package let rank: Int
    /// The number of processes, at least 1.
    package let size: Int
    /// This process among those of its host, counted from 0; nil if the launcher does not tell.
    package let localRank: Int?
    /// The first number of the launcher's version, as releases of MPI need not understand each other's launchers; nil if
    /// the launcher does not tell.
    let release: Int?

    /// Whether this process is the one that tells people why the group cannot start: one on each host, as these may differ.
    package var reportsStart: Bool { (localRank ?? rank) == 0 }

    /// Whether processes can find each other by it.
    let hasProcessManager: Bool

    /// The launcher of this process; nil if it is alone.
    ///
    /// A batch script of SLURM is alone, whatever number of tasks its allocation has: only those that `srun` starts count.
    ///
    /// - Parameter environment: The environment variables.
    /// - Returns: The launcher.
    package static func current(environment: [String: String]) -> Launcher? {
        let values = Values(environment)
        // SLURM last, as the other launchers may start their processes with its help.
        return (openMPI(values) ?? hydra(values) ?? slurm(values)).flatMap { $0.size > 1 ? $0 : nil }
    }

    private static func openMPI(_ values: Values) -> Launcher? {
        guard let place = values.place(rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE") else {
            return nil
        }
        let version = values["OMPI_VERSION"]
        return Launcher(
            kind: .openMPI, name: "mpirun of Open MPI" + (version.map { " \($0)" } ?? ""), rank: place.rank,
            size: place.size, localRank: values.number("OMPI_COMM_WORLD_LOCAL_RANK"),
            release: version.flatMap { Int($0.prefix { $0.isNumber }) }, hasProcessManager: true)
    }

    private static func hydra(_ values: Values) -> Launcher? {
        guard let place = values.place(rank: "PMI_RANK", size: "PMI_SIZE") else { return nil }
        let name =
            if values["I_MPI_HYDRA_UUID"] != nil {
                "mpiexec of Intel MPI"
            } else if values["MPI_LOCALRANKID"] == nil, values["SLURM_STEP_ID"] != nil {
                "srun"
            } else {
                "mpiexec"
            }
        return Launcher(
            kind: .hydra, name: name, rank: place.rank, size: place.size,
            localRank: values.number("MPI_LOCALRANKID") ?? values.number("SLURM_LOCALID"), release: nil,
            hasProcessManager: true)
    }

    private static func slurm(_ values: Values) -> Launcher? {
        guard let place = values.place(rank: "SLURM_PROCID", size: "SLURM_STEP_NUM_TASKS"),
            values["SLURM_STEP_ID"] != nil
        else { return nil }
        return Launcher(
            kind: .slurm, name: "srun", rank: place.rank, size: place.size,
            localRank: values.number("SLURM_LOCALID"),
            release: nil, hasProcessManager: values.hasProcessManager)
    }

    /// Environment variables, of which empty ones do not count.
    private struct Values {
        let environment: [String: String]

        init(_ environment: [String: String]) { self.environment = environment }

        subscript(name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

        /// Whether processes of `srun` can find each other: by PMIx, or by a library for Intel MPI.
        var hasProcessManager: Bool { self["PMIX_RANK"] != nil || self["I_MPI_PMI_LIBRARY"] != nil }

        func number(_ name: String) -> Int? {
            // Ranks are 32-bit numbers in MPI.
            self[name].flatMap { Int32($0) }.flatMap { $0 >= 0 ? Int($0) : nil }
        }

        func place(rank: String, size: String) -> (rank: Int, size: Int)? {
            guard let rank = number(rank), let size = number(size), rank < size else { return nil }
            return (rank, size)
        }
    }
}
