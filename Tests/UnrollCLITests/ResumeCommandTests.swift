import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Runs that go on: with which options, in which folder, and what is said when nothing is left to do.
    @Suite struct ResumeCommandTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
        }

        private func run(_ arguments: [String]) async throws -> Unroll.Result {
            let result = try await Unroll.run(arguments + ["--threads", "1"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            return result
        }

        private func run(_ arguments: String...) async throws -> Unroll.Result {
            try await run(arguments)
        }

        /// Everything in a folder, by its path in it.
        private func contents(of name: String) throws -> [String: Data] {
            var contents: [String: Data] = [:]
            for path in try FileManager.default.subpathsOfDirectory(atPath: folder(name).path) {
                contents[path] =
                    FileManager.default.contents(atPath: folder("\(name)/\(path)").path) ?? Data()
            }
            return contents
        }

        // MARK: Options

        /// Every option of training that is settled when a run begins.
        private static let settled = [
            ["--cell", "gru"], ["--hidden", "9"], ["--layers", "2"], ["--embedding", "8"], ["--single-bias"],
            ["--batch", "3"], ["--sequence-length", "5"], ["--partitioning", "random"],
            ["--stateful-epochs", "1"], ["--validation", "0.3"], ["--test", "0.1"],
            ["--initializer", "orthogonal"], ["--seed", "9"], ["--optimizer", "adam"],
            ["--optimizer", "asgd"], ["--learning-rate", "5"], ["--max-gradient-norm", "2"],
            ["--weight-decay", "0.1"], ["--average-decay", "0.9"], ["--schedule", "cosine"],
            ["--schedule", "step"], ["--warmup", "3"], ["--dropout", "0.1"], ["--weight-drop", "0.1"],
            ["--zoneout", "0.1"], ["--label-smoothing", "0.1"], ["--validate-steps", "4"],
            ["--max-recoveries", "1"], ["--precision", "bfloat16"], ["--preprocess", "lowercase"],
            ["--tokens", "bytes"], ["--minimum-frequency", "2"], ["--limit", "500"],
        ]

        @Test func whatCannotChangeIsRefusedByName() async throws {
            try await trainTinyModel(in: folder, options: ["--validation", "0.2"])
            for option in Self.settled {
                try await expectFailure(
                    ["train", "--resume", "model", "--epochs", "3"] + option, status: 64,
                    naming: "\(option[0]) cannot change when a run is resumed", in: folder)
            }
            // Several at once: one is named.
            try await expectFailure(
                ["train", "--resume", "model", "--learning-rate", "5", "--hidden", "99"], status: 64,
                naming: "--hidden cannot change", "it is 8", in: folder)
        }

        @Test(arguments: [
            (
                ["--optimizer", "nesterov", "--momentum", "0.8", "--schedule", "step", "--decay-after", "2"],
                [
                    ["--momentum", "0.9"], ["--decay-after", "3"], ["--decay", "0.1"],
                    ["--optimizer", "sgd"],
                ]
            ),
            (
                ["--optimizer", "asgd", "--schedule", "plateau"],
                [["--optimizer", "sgd"], ["--decay-after", "9"], ["--schedule", "constant"]]
            ),
            (
                ["--schedule", "cosine", "--average-decay", "0.9"],
                [["--final-rate", "0.5"], ["--average-decay", "0.8"]]
            ),
        ])
        func whatBelongsToASettledChoiceIsRefusedByName(options: [String], changes: [[String]]) async throws {
            try await trainTinyModel(in: folder, options: ["--validation", "0.2"] + options)
            for change in changes {
                try await expectFailure(
                    ["train", "--resume", "model"] + change, status: 64,
                    naming: "\(change[0]) cannot change when a run is resumed", in: folder)
            }
            // The same again says nothing new.
            _ = try await run(
                ["train", "--resume", "model", "--epochs", "3", "--validation", "0.2"] + options)
        }

        @Test func whatIsAsItWasMayBeSaid() async throws {
            try await trainTinyModel(in: folder, options: ["--validation", "0.2", "--learning-rate", "0.5"])
            let result = try await run(
                ["train", "text.txt", "--resume", "model", "--epochs", "3", "--learning-rate", "0.5"]
                    + ["--validation", "0.2", "--seed", "0", "--tokens", "characters", "--cell", "tanh"]
                    + Unroll.tinySizes)
            #expect(result.error.contains("epoch 3/3"))
        }

        @Test func whatCanChangeCounts() async throws {
            try await trainTinyModel(in: folder, options: ["--validation", "0.2"])
            let result = try await run(
                "train", "--resume", "model", "--epochs", "4", "--patience", "7", "--minimum-improvement",
                "0.01", "--minimum-epochs", "2", "--checkpoint-steps", "1", "--keep", "2", "--engine",
                "reference", "--prompt", "the ", "--tensorboard", "events", "--json", "--baselines")
            let events = try result.objects().map { $0["event"] as? String }
            #expect(events.contains("baselines") && events.contains("checkpoint"))
            #expect(try result.objects().first?["engine"] as? String == "reference")
            #expect(try folder.names(in: "model/checkpoints").count == 2)
            #expect(try folder.names(in: "events").count == 1)
            let info = try await Unroll.run(["info", "model", "--json"], in: folder).objects().first
            let training = try #require(info?["training"] as? [String: Any])
            #expect(training["epochs"] as? Int == 4)
            #expect(
                (training["earlyStopping"] as? [String: Any])?["patience"] as? Int == 7
                    && (training["earlyStopping"] as? [String: Any])?["minimumEpochs"] as? Int == 2)
        }

        @Test(arguments: [
            ["--cell", "lstm"], ["--learning-rate", "5"], ["--validation", "0.1"], ["--tokens", "bytes"],
            ["--dropout", "0.5"], ["--precision", "bfloat16"], ["--limit", "100"], ["--max-recoveries", "1"],
        ])
        func whatARecipeSaysIsRefusedByName(option: [String]) async throws {
            try await expectFailure(
                ["train", "text.txt", "--output", "model", "--recipe", "gluon-concise"] + option, status: 64,
                naming: "\(option[0]) is the recipe's to say", in: folder)
        }

        // MARK: Folders

        @Test func aKeptCheckpointGoesOnInAFolderOfItsOwn() async throws {
            try await trainTinyModel(
                in: folder, epochs: 4,
                options: ["--checkpoint-steps", "1", "--keep", "3", "--validation", "0.2"])
            let before = try contents(of: "model")
            let kept = try #require(try folder.names(in: "model/checkpoints").min())
            let rest = ["--checkpoint-steps", "1", "--keep", "2"]
            let first = try await run(["train", "--resume", "model/checkpoints/\(kept)"] + rest)
            #expect(first.lines.last?.contains("model in unroll-model;") == true)
            #expect(first.error.contains("in a folder of its own, unroll-model\n"))
            let second = try await run(
                ["train", "--resume", "model/checkpoints/\(kept)", "--output", "other"] + rest)
            #expect(second.lines.last?.contains("model in other;") == true)
            #expect(try contents(of: "model") == before)
            for name in ["unroll-model", "other"] {
                let now = try contents(of: name)
                #expect(now["model.safetensors"] == before["model.safetensors"])
                #expect(now["best/model.safetensors"] == before["best/model.safetensors"])
                #expect(try folder.names(in: "\(name)/checkpoints").count == 2)
                let metrics = String(decoding: now["metrics.jsonl"] ?? Data(), as: UTF8.self)
                #expect(metrics.split(separator: "\n").count == 4)
                let samples = String(decoding: now["samples.jsonl"] ?? Data(), as: UTF8.self)
                #expect(samples.split(separator: "\n").count == 3, "after epochs 1, 2 and 4")
            }
            // What goes on can be interrupted and go on again.
            _ = try await run("train", "--resume", "other", "--epochs", "5")
        }

        @Test func aRunGoesOnInANewFolderAndStaysAsItIs() async throws {
            try await trainTinyModel(in: folder, epochs: 2)
            let before = try contents(of: "model")
            let result = try await run(
                "train", "--resume", "model", "--output", "longer", "--epochs", "4", "--json")
            #expect(try result.objects().last?["model"] as? String == "longer")
            #expect(try contents(of: "model") == before)
            #expect(try folder.names() == ["text.txt", "model", "longer"])
            let report = try await Unroll.run(["report", "longer", "--json"], in: folder)
            #expect(try report.objects().first?["epochs"] as? Int == 4)
            try await expectFailure(
                ["train", "--resume", "model", "--output", "longer"], status: 1,
                naming: "longer: exists already", in: folder)
            for same in ["model", "./model/", "longer/../model"] {
                try await expectFailure(
                    ["train", "--resume", "model", "--output", same], status: 64, naming: "--output",
                    "own folder", in: folder)
            }
        }

        // MARK: Two at once

        @Test func aSecondRunInTheFolderIsRefusedAndNamesTheFirst() async throws {
            try await trainTinyModel(in: folder)
            let first = try Unroll.start(
                ["train", "--resume", "model", "--epochs", "1000000", "--json", "--threads", "1"], in: folder)
            try await first.waits(for: #""event":"epoch""#)
            for command in [["--resume", "model", "--epochs", "7"], ["text.txt", "--output", "model"]] {
                let second = try await Unroll.run(["train"] + command, in: folder)
                #expect(second.status == 1)
                #expect(second.output == "")
                #expect(
                    second.error.contains("process \(first.identifier) is writing to it"), "\(second.error)")
                #expect(second.error.contains("--output"))
                #expect(second.error.split(separator: "\n").count == 1)
            }
            // Reading needs no lock.
            for command in [["info", "model"], ["report", "model", "--json"]] {
                #expect(try await Unroll.run(command, in: folder).status == 0)
            }
            first.send(SIGKILL)
            _ = try await first.result()
            #expect(try folder.names(in: "model").contains("run.lock"))
            // Its death has released it.
            let metrics = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
            let done = metrics.split(separator: "\n").count
            _ = try await run("train", "--resume", "model", "--epochs", "\(done + 1)")
            #expect(!(try folder.names(in: "model").contains("run.lock")))
            let epochs = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
                .split(separator: "\n").map { line in
                    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                    return object?["epoch"] as? Int ?? 0
                }
            #expect(epochs == Array(1...(done + 1)))
        }

        @Test func runsThatBeginAtOnceHaveAFolderEach() async throws {
            let runs = try (0..<4).map { _ in
                try Unroll.start(
                    ["train", "text.txt", "--epochs", "2", "--json", "--no-baselines"] + Unroll.tiny,
                    in: folder)
            }
            var names: Set<String> = []
            for run in runs {
                let result = try await run.result()
                #expect(result.status == 0, "\(result.error)")
                names.insert(try #require(try result.objects().last?["model"] as? String))
            }
            #expect(names == ["unroll-model", "unroll-model-2", "unroll-model-3", "unroll-model-4"])
            #expect(try folder.names() == names.union(["text.txt"]))
            for name in names {
                let metrics = try String(contentsOf: folder("\(name)/metrics.jsonl"), encoding: .utf8)
                #expect(metrics.split(separator: "\n").count == 2)
            }
        }

        @Test func ofTwoRunsForOneFolderOneIsRefused() async throws {
            let arguments = ["train", "text.txt", "--output", "model", "--epochs", "1000000", "--json"]
            let runs = try (0..<2).map { _ in
                try Unroll.start(arguments + ["--no-baselines"] + Unroll.tiny, in: folder)
            }
            while runs.allSatisfy(\.isRunning) { try await Task.sleep(for: .milliseconds(5)) }
            let survivor = runs[0].isRunning ? runs[0] : runs[1]
            let other = runs[0].isRunning ? runs[1] : runs[0]
            let refused = try await other.result()
            #expect(refused.status == 1)
            #expect(refused.error.contains("model"), "\(refused.error)")
            #expect(refused.output == "")
            try await survivor.waits(for: #""event":"epoch""#)
            survivor.send(SIGINT)
            #expect(try await survivor.result().status == 130)
            #expect(try folder.names() == ["text.txt", "model"])
        }

        @Test func newRunsDoNotShareAFolderForTensorBoard() async throws {
            let runs = try (0..<3).map { number in
                try Unroll.start(
                    [
                        "train", "text.txt", "--epochs", "2", "--output", "m\(number)", "--tensorboard",
                        "events",
                    ]
                        + ["--no-baselines"] + Unroll.tiny, in: folder)
            }
            var successes = 0
            for run in runs {
                let result = try await run.result()
                if result.status == 0 { successes += 1 }
                #expect(result.status == 0 || result.error.contains("another run"), "\(result.error)")
            }
            #expect(successes == 1)
            #expect(try folder.names(in: "events").count == 1)
        }

        // MARK: Nothing left to do

        @Test func aFinishedRunSaysHowToGoOn() async throws {
            try await trainTinyModel(in: folder)
            let result = try await run("train", "--resume", "model", "--json", "--prompt", "the ")
            #expect(result.error.contains("note: nothing is left to do: the run has done its 2 epochs"))
            #expect(result.error.contains("(--epochs)"))
            let events = try result.objects().map { $0["event"] as? String }
            #expect(events == ["started", "notice", "sample", "finished"])
            #expect(try result.objects()[1]["notice"] as? String == "alreadyFinished")
            try await expectFailure(
                ["train", "--resume", "model", "--epochs", "1"], status: 1, naming: "has done 2 epochs",
                in: folder)
        }

        @Test func aRunThatStoppedEarlySaysHowToGoOn() async throws {
            let text = String(repeating: "abcabd", count: 50) + String(repeating: "dbacda", count: 10)
            let options = ["--validation", "0.16", "--json", "--prompt", "ab"]
            let first = try await trainTinyModel(
                in: folder, text: text, epochs: 60, options: options + ["--patience", "2"])
            let done = try #require(try first.objects().last?["epochs"] as? Int)
            #expect(done < 60)
            for more in [[], ["--epochs", "70"]] {
                let again = try await run(["train", "--resume", "model", "--json"] + more)
                #expect(
                    again.error.contains("stopped early in epoch \(done), after 2 validations without"),
                    "\(again.error)")
                #expect(again.error.contains("a patience of 3 or more (--patience)"))
                #expect(try again.objects().last?["epochs"] as? Int == done)
                #expect(try again.objects().last?["stoppedEarly"] as? Bool == true)
            }
            _ = try await run("train", "--resume", "model", "--patience", "4", "--epochs", "60")
            try FileManager.default.moveItem(at: folder("model"), to: folder("resumed"))
            try await trainTinyModel(
                in: folder, text: text, epochs: 60, options: options + ["--patience", "4"])
            for name in ["model.safetensors", "best/model.safetensors"] {
                #expect(
                    try Data(contentsOf: folder("resumed/\(name)"))
                        == Data(contentsOf: folder("model/\(name)")), "\(name)")
            }
        }
    }
}
