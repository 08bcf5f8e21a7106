import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Processes that a launcher seems to have started, where there is no MPI; `Tools/cluster/check` is where there is.
    @Suite struct ClusterCommandTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
        }

        /// What Open MPI says to a process of three.
        private func environment(rank: Int, onHost localRank: Int, of size: Int = 3) -> [String: String] {
            [
                "OMPI_COMM_WORLD_RANK": "\(rank)", "OMPI_COMM_WORLD_SIZE": "\(size)",
                "OMPI_COMM_WORLD_LOCAL_RANK": "\(localRank)", "UNROLL_MPI": "libunroll-missing.so",
            ]
        }

        private func train(_ environment: [String: String], _ options: [String] = []) async throws
            -> Unroll.Result
        {
            try await Unroll.run(
                ["train", "text.txt", "--shards", "3", "--epochs", "1", "--no-baselines"] + Unroll.tiny
                    + options,
                environment: environment, in: folder)
        }

        @Test func aMissingLibraryIsNamedOnEachHost() async throws {
            for (rank, localRank) in [(0, 0), (1, 1), (2, 0)] {
                let result = try await train(environment(rank: rank, onHost: localRank))
                #expect(result.status == 1)
                #expect(result.output == "")
                guard localRank == 0 else {
                    #expect(result.error == "")
                    continue
                }
                #expect(result.error.split(separator: "\n").count == 1)
                #expect(result.error.contains("libunroll-missing.so"))
                #expect(result.error.contains("UNROLL_MPI"))
                #expect(result.error.contains("process 2 on ") == (rank == 2))
            }
        }

        @Test func wrongOptionsAreNamedOnEachHost() async throws {
            for (rank, localRank) in [(0, 0), (1, 1), (2, 0)] {
                let result = try await train(environment(rank: rank, onHost: localRank), ["--epochz", "2"])
                #expect(result.status == 64)
                #expect(result.error.contains("--epochs") == (localRank == 0))
            }
        }

        @Test func whatCannotBeSharedOutIsTheFirstProcessesAlone() async throws {
            for rank in 0..<2 {
                for arguments in [["--version"], ["corpus", "list"], ["train", "--dry-run"] + Unroll.tiny] {
                    let result = try await Unroll.run(
                        arguments, environment: environment(rank: rank, onHost: rank), in: folder)
                    #expect(result.status == 0, "\(arguments)")
                    #expect(result.output.isEmpty == (rank > 0), "\(arguments)")
                }
            }
        }

        @Test func aProcessThatIsAloneNeedsNoMPI() async throws {
            let alone = [
                ["UNROLL_MPI": "libunroll-missing.so"], environment(rank: 0, onHost: 0, of: 1),
                // A batch script of SLURM with four tasks, which has started no step.
                ["SLURM_JOB_ID": "1", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"],
            ]
            for (index, environment) in alone.enumerated() {
                let result = try await train(environment, ["--output", "model-\(index)"])
                #expect(result.status == 0, "\(result.error)")
            }
            let files = try (0..<3).map { try Data(contentsOf: folder("model-\($0)/model.safetensors")) }
            #expect(files[0] == files[1])
            #expect(files[0] == files[2])
        }
    }
}
