import Testing
import UnrollCluster

@Suite("Errors of clusters")
struct ClusterErrorTests {
    @Test("An error is one line with its facts")
    func descriptions() {
        let errors: [ClusterError] = [
            .noLibrary(launcher: "mpirun", tried: ["libmpi.so.40"], reason: "no such file"),
            .otherLauncher(library: "libmpi.so.12", version: "MPICH 4.0.2", started: 4, known: 1),
            .lost(process: 2, host: "node7", seconds: 8),
            .ended(process: 2, host: "node7", reason: "notes.txt: no such file"),
            .ended(process: 2, host: "a\nb", reason: "two\nlines"),
            .lost(process: 2, host: "", seconds: .nan),
            .noProcessManager(launcher: "srun", started: 4),
            .otherRelease(
                library: "libmpi.so.40", version: "Open MPI v4.1.4", launcher: "mpirun of Open MPI 5.0.11"),
            .noSuchProcess(process: -1, size: 4),
            .tooLong(bytes: .max, maximum: 7),
        ]
        for error in errors { #expect(!error.description.contains("\n")) }
        #expect(errors[1].description.contains("MPICH 4.0.2"))
        #expect(errors[2].description == "process 2 on node7 has not answered for 8 seconds")
    }

    @Test("One process tells of an error that all have")
    func reporters() {
        func reporters(_ error: ClusterError) -> [Int] { (0..<4).filter(error.isReported) }
        #expect(reporters(.lost(process: 2, host: "", seconds: 8)) == [0])
        #expect(reporters(.lost(process: 0, host: "", seconds: 8)) == [1])
        #expect(reporters(.ended(process: 3, host: "", reason: "")) == [3])
        #expect(reporters(.noSuchProcess(process: 4, size: 4)) == [0, 1, 2, 3])
    }
}
