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
        ]
        for error in errors { #expect(!error.description.contains("\n")) }
        #expect(errors[1].description.contains("MPICH 4.0.2"))
        #expect(errors[2].description.contains("node7"))
    }
}
