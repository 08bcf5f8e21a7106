import Testing
import UnrollCluster

@Suite("Launchers")
struct LauncherTests {
    private let openMPI = [
        "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
        "PMIX_RANK": "3",
    ]
    private let mpich = [
        "PMI_RANK": "1", "PMI_SIZE": "2", "PMI_FD": "6", "MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "1",
    ]
    private let step = [
        "SLURM_JOB_ID": "77", "SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_NTASKS": "8",
        "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "2",
    ]

    @Test("mpirun of Open MPI")
    func openMPILauncher() throws {
        let launcher = try #require(Launcher.current(environment: openMPI))
        #expect(
            launcher.kind == .openMPI && launcher.rank == 3 && launcher.size == 4 && launcher.localRank == 1)
        #expect(!launcher.reportsStart)
        let newer = try #require(
            Launcher.current(environment: openMPI.merging(["OMPI_VERSION": "5.0.11"]) { $1 }))
        #expect(newer.name == "mpirun of Open MPI 5.0.11")
    }

    @Test("mpiexec of MPICH and of Intel MPI")
    func hydra() throws {
        let launcher = try #require(Launcher.current(environment: mpich))
        #expect(
            launcher.kind == .hydra && launcher.name == "mpiexec" && launcher.rank == 1 && launcher.size == 2)
        #expect(launcher.localRank == 0 && launcher.reportsStart)
        let intel = Launcher.current(environment: mpich.merging(["I_MPI_HYDRA_UUID": "1"]) { $1 })
        #expect(intel?.name == "mpiexec of Intel MPI")
    }

    @Test("srun with PMIx and with PMI-2")
    func slurm() throws {
        let launcher = try #require(
            Launcher.current(environment: step.merging(["PMIX_RANK": "5"]) { $1 }))
        #expect(
            launcher.kind == .slurm && launcher.rank == 5 && launcher.size == 8 && launcher.localRank == 2)
        let older = try #require(
            Launcher.current(
                environment: step.merging(["PMI_RANK": "5", "PMI_SIZE": "8", "PMI_FD": "9"]) { $1 }))
        #expect(older.kind == .hydra && older.name == "srun" && older.rank == 5 && older.localRank == 2)
        let intel = Launcher.current(
            environment: step.merging(["I_MPI_PMI_LIBRARY": "/lib/libpmi.so"]) { $1 })
        #expect(intel?.kind == .slurm)
    }

    @Test("srun without a process manager interface is refused, except for one task")
    func noProcessManager() throws {
        #expect(throws: ClusterError.noProcessManager(launcher: "srun", started: 8)) {
            try MPIProcessGroup(try #require(Launcher.current(environment: step)), environment: step) { _ in }
        }
        var single = step
        single["SLURM_STEP_NUM_TASKS"] = "1"
        single["SLURM_PROCID"] = "0"
        #expect(Launcher.current(environment: single) == nil)
    }

    @Test("A batch script of SLURM is alone, and mpirun in it is not")
    func batchScript() throws {
        let batch = ["SLURM_JOB_ID": "77", "SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"]
        #expect(Launcher.current(environment: batch) == nil)
        #expect(Launcher.current(environment: batch.merging(openMPI) { $1 })?.kind == .openMPI)
        // Launchers start their agents as a step.
        #expect(Launcher.current(environment: step.merging(openMPI) { $1 })?.kind == .openMPI)
        #expect(Launcher.current(environment: step.merging(mpich) { $1 })?.name == "mpiexec")
    }

    @Test(
        "One process, or an environment that makes no sense, is no group",
        arguments: [
            ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1"],
            ["OMPI_COMM_WORLD_RANK": "4", "OMPI_COMM_WORLD_SIZE": "4"],
            ["OMPI_COMM_WORLD_RANK": "-1", "OMPI_COMM_WORLD_SIZE": "4"],
            ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "99999999999999999999"],
            ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": ""],
            ["OMPI_COMM_WORLD_SIZE": "4"], ["PMI_RANK": "x", "PMI_SIZE": "2"], ["PMIX_RANK": "0"], [:],
        ])
    func alone(_ environment: [String: String]) throws {
        #expect(Launcher.current(environment: environment) == nil)
    }
}
