import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// What people get wrong: one line that names it, and no file.
    @Suite struct UsageTests {
        private let folder: TemporaryFolder
        private let train = ["train", "text.txt", "--output", "model", "--epochs", "1"]

        init() throws {
            folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
        }

        @Test func textsThatCannotBeLearnedAreNamed() async throws {
            try folder.write("", to: "empty.txt")
            try folder.write("abc", to: "short.txt")
            try FileManager.default.createDirectory(at: folder("bare"), withIntermediateDirectories: false)
            for (file, reason) in [
                ("nowhere.txt", "nowhere.txt: no such file"), ("bare", "bare: no files in this folder"),
                ("empty.txt", "empty.txt: no tokens"), ("short.txt", "its 3 tokens"),
            ] {
                try await expectFailure(
                    ["train", file, "--output", "model"], status: 1, naming: reason, in: folder)
            }
            try await expectFailure(["train", "-"], status: 1, naming: "standard input", in: folder)
        }

        @Test(arguments: [
            ["--frobnicate"], ["--cell", "gru?"], ["--preprocess", "loud"], ["--tokens", "syllables"],
            ["--partitioning", "none"], ["--engine", "steam"], ["--initializer", "zero"], ["--limit", "0"],
            ["--validation", "1"], ["--validation", "nan"], ["--validation", "-0.5"], ["--test", "1"],
            ["--test", "nan"], ["--test", "-0.5"], ["--windows", "3"],
            ["--learning-rate", "0"], ["--learning-rate", "-1"], ["--learning-rate", "nan"],
            ["--learning-rate", "inf"], ["--learning-rate", "fast"], ["--max-gradient-norm", "-1"],
            ["--max-gradient-norm", "nan"],
            ["--max-gradient-norm", "inf"], ["--epochs", "0"], ["--epochs", "-1"], ["--seed", "-1"],
            ["--threads", "0"],
            ["--threads", "-1"], ["--threads", "100000"], ["--minimum-frequency", "0"],
            ["--hidden", "0"], ["--hidden", "-1"], ["--batch", "0"], ["--batch", "-1"],
            ["--sequence-length", "0"],
            ["--sequence-length", "-1"], ["--hidden", "many"], ["--prompt", ""],
            ["--layers", "0"], ["--layers", "-1"], ["--layers", "65"], ["--layers", "9223372036854775807"],
            ["--layers", "two"], ["--embedding", "0"], ["--embedding", "-1"], ["--embedding", "65537"],
            ["--embedding", "9223372036854775807"], ["--embedding", "two-hot"],
            ["--tokens", "words", "--prompt", " "],
            ["--precision", "float64"], ["--resume", "model"],
        ])
        func wrongOptionsAreWrongUsage(options: [String]) async throws {
            let name =
                options.contains("--windows")
                ? "--windows needs --partitioning to be windows" : options[max(options.count - 2, 0)]
            try await expectFailure(
                train + (options == ["--frobnicate"] ? [] : Unroll.tiny) + options, status: 64, naming: name,
                in: folder)
        }

        @Test func theReferenceEngineHasOnePrecision() async throws {
            try await expectFailure(
                train + Unroll.tiny + ["--engine", "reference", "--precision", "bfloat16"], status: 64,
                naming: "--engine reference", "double precision", "--precision bfloat16", in: folder)
            let result = try await Unroll.run(
                train + Unroll.tiny + ["--engine", "reference", "--precision", "float32"], in: folder)
            #expect(result.status == 0, "\(result.error)")
        }

        @Test(arguments: [["one-hot"], ["7"]])
        func weightsThatCannotBeTiedAreWrongUsage(embedding: [String]) async throws {
            try await expectFailure(
                train + Unroll.tiny + ["--tie-weights", "--embedding"] + embedding, status: 64,
                naming: "--tie-weights needs --embedding to be 8", in: folder)
        }

        @Test(arguments: ["--batch", "--sequence-length"], ["100000000", "9223372036854775807"])
        func sizesBeyondTheMachineAreRefused(option: String, value: String) async throws {
            try await expectFailure(
                train + [option, value], status: 1, naming: option, "memory", in: folder)
        }

        @Test(arguments: ["65537", "100000000", "9223372036854775807"])
        func hiddenSizesOutOfRangeAreWrongUsage(value: String) async throws {
            try await expectFailure(
                train + ["--hidden", value], status: 64,
                naming: "--hidden is \(value) but must be in 1...65536",
                in: folder)
        }

        @Test func commandsThatAreNoneAreNamed() async throws {
            try await expectFailure(["fly"], status: 64, naming: "'fly'", "--help", in: folder)
            try await expectFailure(["info", "a", "b"], status: 64, naming: "'b'", "--help", in: folder)
        }

        @Test func textsThatCannotBeReadTogetherAreNamed() async throws {
            for other in ["-", "sample"] {
                try await expectFailure(
                    ["train", "text.txt", other], status: 64, naming: "'\(other)'", "alone", in: folder)
            }
            for options in [
                ["--validation-file", "-"], ["--test-file", "-"],
                ["--test-file", "text.txt", "--test", "0.1"],
                ["--validation-file", "text.txt", "--validation", "0.1"],
                ["--validation-file", "text.txt", "--recipe", "gluon-concise"],
            ] {
                try await expectFailure(
                    train + Unroll.tinySizes + options, status: 64, naming: options[0], in: folder)
            }
            try await expectFailure(
                train + Unroll.tiny + ["--validation-file", "nowhere.txt"], status: 1,
                naming: "nowhere.txt: no such file", in: folder)
        }

        @Test func whatIsThereIsNotOverwritten() async throws {
            try FileManager.default.createDirectory(at: folder("model"), withIntermediateDirectories: false)
            try folder.write("precious", to: "model/notes")
            try await expectFailure(
                train + Unroll.tiny, status: 1, naming: "model: exists already", "--output", in: folder)
            try await expectFailure(
                ["train", "text.txt", "--output", "text.txt"], status: 1, naming: "text.txt: exists already",
                in: folder)
        }

        @Test func anEmptyFolderIsUsed() async throws {
            try FileManager.default.createDirectory(at: folder("model"), withIntermediateDirectories: false)
            let result = try await Unroll.run(train + Unroll.tiny, in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(try folder.names(in: "model").isSuperset(of: modelFiles))
        }

        @Test func aPlaceThatCannotBeWrittenIsNamed() async throws {
            try await expectFailure(
                ["train", "text.txt", "--output", "text.txt/model", "--epochs", "1"] + Unroll.tiny, status: 1,
                naming: "text.txt/model: cannot be written", in: folder)
        }

        /// Set UNROLL_SMALL_DISK to a folder on a file system with less than 16 MB of room.
        @Test(
            .enabled(
                if: ProcessInfo.processInfo.environment["UNROLL_SMALL_DISK"] != nil,
                "UNROLL_SMALL_DISK does not name a folder on a small file system"))
        func aFullDiskIsNamed() async throws {
            let disk = ProcessInfo.processInfo.environment["UNROLL_SMALL_DISK"] ?? ""
            try await expectFailure(
                ["train", "text.txt", "--output", "\(disk)/model", "--epochs", "1"] + Unroll.tiny
                    + ["--hidden", "2000"],
                status: 1, naming: "\(disk)/model", "no space left", in: folder)
            #expect(!FileManager.default.fileExists(atPath: "\(disk)/model"))
        }

        @Test(arguments: [[], ["--max-gradient-norm", "0", "--cell", "relu"]])
        func divergenceIsAFailureThatKeepsTheCheckpoint(options: [String]) async throws {
            let result = try await Unroll.run(
                train + Unroll.tiny + ["--learning-rate", "1e30", "--json"] + options, in: folder)
            #expect(result.status == 1)
            let line = try #require(result.error.split(separator: "\n").last)
            #expect(line.hasPrefix("unroll: training diverged"))
            #expect(line.contains("--learning-rate"))
            let events = Set(try result.objects().compactMap { $0["event"] as? String })
            #expect(events == ["started", "baselines", "notice"])
            let info = try await Unroll.run(["info", "model"], in: folder)
            #expect(info.status == 0, "\(info.error)")
        }

        @Test func kernelsThatAreNoneAreNamed() async throws {
            for command in [train + Unroll.tiny, ["benchmark"]] {
                try await expectFailure(
                    command, status: 64, naming: "'nonsense'", "portable",
                    environment: ["UNROLL_KERNELS": "nonsense"], in: folder)
            }
        }

        // MARK: Corpora

        /// No network, and a cache of its own.
        private func offline(_ cache: TemporaryFolder) -> [String: String] {
            let proxy = "http://127.0.0.1:9"
            return [
                "XDG_CACHE_HOME": cache.url.path, "UNROLL_CORPORA": "", "http_proxy": proxy,
                "https_proxy": proxy,
                "HTTP_PROXY": proxy,
                "HTTPS_PROXY": proxy, "no_proxy": "", "NO_PROXY": "",
            ]
        }

        @Test func theCatalogIsListed() async throws {
            let cache = try TemporaryFolder()
            let result = try await Unroll.run(
                ["corpus", "list"], environment: offline(cache), in: folder)
            #expect(result.status == 0)
            #expect(result.output.contains("time-machine"))
            #expect(result.output.contains("(not fetched)"))
        }

        @Test func aCorpusThatIsNotKnownIsNamed() async throws {
            try await expectFailure(
                ["corpus", "fetch", "unknown"], status: 1, naming: "'unknown'", "time-machine", in: folder)
        }

        @Test(arguments: [["corpus", "fetch", "time-machine"], ["train", "time-machine"]])
        func withoutANetworkTheAlternativesAreNamed(command: [String]) async throws {
            let cache = try TemporaryFolder()
            try await expectFailure(
                command, status: 1, naming: "cannot download time-machine", "bundled text 'sample'",
                "path of a text file", cache.url.path, environment: offline(cache), afterNotes: 1, in: folder)
        }
    }
}
