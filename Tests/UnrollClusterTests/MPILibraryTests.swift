import Foundation
import Testing
import UnrollCluster

@Suite("Libraries of MPI")
struct MPILibraryTests {
    private func launcher(_ environment: [String: String]) throws -> Launcher {
        try #require(Launcher.current(environment: environment))
    }
    private let openMPI = ["OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"]

    @Test("The launcher's own library comes first, the others last")
    func names() {
        #expect(MPISearch.names(for: .openMPI).first == "libmpi.so.40")
        #expect(MPISearch.names(for: .hydra).first == "libmpi.so.12")
        let all = Set(MPISearch.names(for: .slurm))
        #expect(all == Set(MPISearch.names(for: .hydra)) && all.contains("libmpi_abi.so.1"))
    }

    @Test("Libraries are looked for beside launchers, not beside other programs")
    func folders() {
        let folders = MPISearch.folders(
            environment: ["OPAL_PREFIX": "/opt/openmpi"],
            ancestors: [
                "/usr/bin/dash", "/env/bin/hydra_pmi_proxy", "/env/bin/mpiexec.hydra", "/usr/bin/bash",
            ])
        #expect(folders == ["/opt/openmpi/lib", "/env/lib"])
        #expect(MPISearch.folders(environment: [:], ancestors: []).isEmpty)
    }

    @Test("Constants of the two interfaces with fixed ones, from their headers")
    func constants() {
        let (standard, mpich) = (MPIInterface.standard, MPIInterface.mpich)
        #expect(standard.world == 0x101 && standard.byte == 0x247 && standard.errorsReturn == 0x143)
        #expect(standard.serialized == 2048 && standard.anySource == -1 && standard.handleSize == 8)
        #expect(mpich.world == 0x4400_0000 && mpich.byte == 0x4c00_010d && mpich.errorsReturn == 0x5400_0001)
        #expect(mpich.serialized == 2 && mpich.anySource == -2 && mpich.handleSize == 4)
        #expect(standard.status == (32, 8) && mpich.status == (20, 16))
    }

    @Test(
        "What libraries say they are, in short",
        arguments: [
            ("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4", "Open MPI v4.1.4"),
            ("MPICH Version:\\t4.0.2\\nMPICH Release date:\\tThu Apr  7", "MPICH 4.0.2"),
            ("MPICH Version:      5.0.2\\nMPICH Release date: Fri", "MPICH 5.0.2"),
            (
                "Intel(R) MPI Library 2021.18.1 for Linux* OS\\n",
                "Intel(R) MPI Library 2021.18.1 for Linux* OS"
            ),
            ("", "of an unknown version"), ("\\n,", "of an unknown version"),
        ])
    func versions(_ text: String, _ short: String) {
        #expect(MPILibrary.shortVersion(text) == short)
    }

    @Test("The release of Open MPI, and of nothing else")
    func releases() {
        #expect(MPILibrary.release(ofOpenMPI: "Open MPI v5.0.11") == 5)
        #expect(MPILibrary.release(ofOpenMPI: "MPICH 4.0.2") == nil)
        #expect(MPILibrary.release(ofOpenMPI: "Open MPI v99999999999999999999.1") == nil)
    }

    @Test("A library that is not there, is none, or is none of MPI")
    func broken() throws {
        let launcher = try launcher(openMPI)
        func error(_ library: String) -> ClusterError? {
            #expect(throws: ClusterError.self) {
                try MPILibrary(for: launcher, environment: ["UNROLL_MPI": library])
            }
        }
        guard case .noLibrary(let name, ["libunroll-missing.so"], let reason) = error("libunroll-missing.so")
        else {
            Issue.record("not the error")
            return
        }
        #expect(name == "mpirun of Open MPI" && reason.contains("libunroll-missing.so"))
        let file = FileManager.default.temporaryDirectory.appending(path: "unroll-\(UUID()).so")
        try Data("no library".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        guard case .noLibrary = error(file.path) else {
            Issue.record("not the error")
            return
        }
        guard case .failed("libm.so.6", "of an unknown version", _, let reason) = error("libm.so.6") else {
            Issue.record("not the error")
            return
        }
        #expect(reason.contains("MPI_Init_thread"))
    }
}
