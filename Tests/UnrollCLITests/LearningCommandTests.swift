import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    @Suite struct LearningCommandTests {
        @Test(arguments: ["sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw", "asgd"])
        func everyOptimizerTrainsAndIsResumed(optimizer: String) async throws {
            let folder = try TemporaryFolder()
            let options = ["--optimizer", optimizer, "--validation", "0.2", "--json"]
            let result = try await trainTinyModel(in: folder, options: options)
            let epochs = try result.objects().filter { $0["event"] as? String == "epoch" }
            #expect(epochs.count == 2)
            let rates = ["sgd": 1, "asgd": 1, "momentum": 0.1, "nesterov": 0.1]
            #expect(epochs.allSatisfy { $0["learningRate"] as? Double == rates[optimizer] ?? 0.002 })
            #expect(epochs.allSatisfy { ($0["step"] as? Int ?? 0) > 0 })
            let resumed = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "4", "--json", "--threads", "2"], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            let whole = try await Unroll.run(
                ["train", "text.txt", "--output", "whole", "--epochs", "4"] + Unroll.tiny + options,
                in: folder)
            #expect(whole.status == 0, "\(whole.error)")
            for name in ["model.safetensors", "best/model.safetensors"] {
                #expect(
                    try Data(contentsOf: folder("model/\(name)"))
                        == Data(contentsOf: folder("whole/\(name)")), "\(name)")
            }
        }

        @Test func schedulesChangeTheRate() async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            for (index, (options, rates)) in [
                (["--schedule", "step", "--decay-after", "2", "--decay", "0.1"], [1, 1, 0.1, 0.1]),
                (
                    ["--schedule", "exponential", "--decay", "0.5", "--learning-rate", "2"],
                    [2, 1, 0.5, 0.25]
                ),
            ].enumerated() {
                let result = try await Unroll.run(
                    ["train", "text.txt", "--output", "model\(index)", "--epochs", "4", "--json"]
                        + Unroll.tiny + options, in: folder)
                #expect(result.status == 0, "\(result.error)")
                let found = try result.objects().compactMap { $0["learningRate"] as? Double }
                #expect(found.count == 4 && zip(found, rates).allSatisfy { abs($0 - $1) < 1e-6 }, "\(found)")
            }
            let cosine = try await Unroll.run(
                [
                    "train", "text.txt", "--output", "cosine", "--epochs", "4", "--json", "--schedule",
                    "cosine",
                    "--warmup", "10", "--final-rate", "0.01", "--optimizer", "adam",
                ] + Unroll.tiny, in: folder)
            let found = try cosine.objects().compactMap { $0["learningRate"] as? Double }
            #expect(
                zip(found, found.dropFirst()).allSatisfy { $0 < $1 }, "up to the greater final rate: \(found)"
            )
        }

        @Test func theBestModelAndTheLastOnesAreFolders() async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(
                in: folder, epochs: 4,
                options: [
                    "--validation", "0.2", "--validate-steps", "20", "--checkpoint-steps", "1", "--keep", "2",
                    "--json",
                ])
            let objects = try result.objects()
            #expect(objects.contains { $0["event"] as? String == "validation" })
            #expect(objects.contains { $0["event"] as? String == "checkpoint" })
            let finished = try #require(objects.last)
            #expect(finished["best"] as? String == "model/best")
            #expect(try #require(finished["bestValidationPerplexity"] as? Double) > 1)
            let kept = try folder.names(in: "model/checkpoints")
            #expect(kept.count == 2)
            for name in kept.map({ "model/checkpoints/\($0)" }) + ["model/best"] {
                let generated = try await Unroll.run(
                    ["generate", name, "--prompt", "the ", "--length", "5"], in: folder)
                #expect(generated.status == 0, "\(generated.error)")
            }
            let people = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "5", "--threads", "1"], in: folder)
            #expect(people.lines.last?.contains("; the best, validation ") == true)
            #expect(people.lines.last?.hasSuffix(", in model/best") == true)
        }

        @Test func trainingStopsEarlyAndSaysSo() async throws {
            let folder = try TemporaryFolder()
            let text = String(repeating: "abcabd", count: 50) + String(repeating: "dbacda", count: 10)
            let result = try await trainTinyModel(
                in: folder, text: text, epochs: 200,
                options: ["--validation", "0.16", "--patience", "2", "--json", "--prompt", "ab"])
            let objects = try result.objects()
            #expect(objects.contains { $0["notice"] as? String == "stoppedEarly" })
            #expect(try #require(objects.last?["epochs"] as? Int) < 200)
            #expect(objects.last?["stoppedEarly"] as? Bool == true)
            #expect(result.error.contains("note: stopped: no improvement in 2 validations"))
        }

        @Test func aLossThatIsNoNumberIsSaidAndEndsInAnError() async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            let train = [
                "train", "text.txt", "--epochs", "50", "--cell", "relu", "--max-gradient-norm", "0",
                "--learning-rate",
                "1e30",
            ]
            let result = try await Unroll.run(train + Unroll.tiny + ["--output", "model"], in: folder)
            #expect(result.status == 1)
            let recoveries = result.error.split(separator: "\n")
                .count { $0.contains("at half the learning rate") }
            #expect(recoveries == 3)
            #expect(result.error.split(separator: "\n").last?.contains("training diverged") == true)
            let info = try await Unroll.run(["info", "model"], in: folder)
            #expect(info.status == 0)
            let strict = try await Unroll.run(
                train + Unroll.tiny + ["--output", "strict", "--max-recoveries", "0"], in: folder)
            #expect(strict.status == 1)
            #expect(!strict.error.contains("note: "))
        }

        @Test(arguments: [
            (["--optimizer", "adagrad"], "--optimizer"), (["--schedule", "linear"], "--schedule"),
            (["--momentum", "0.5"], "--momentum"), (["--decay", "0.5"], "--decay"),
            (["--schedule", "cosine", "--decay-after", "2"], "--decay-after"),
            (["--final-rate", "0.1"], "--final-rate"), (["--schedule", "step", "--decay", "2"], "--decay"),
            (["--warmup", "-1"], "--warmup"), (["--patience", "0"], "--patience"),
            (["--minimum-epochs", "2"], "--patience"), (["--validate-steps", "0"], "--validate-steps"),
            (["--keep", "0"], "--keep"), (["--checkpoint-steps", "0"], "--checkpoint-steps"),
            (["--checkpoint-seconds", "-1"], "--checkpoint-seconds"),
            (["--max-recoveries", "-1"], "--max-recoveries"),
            (["--optimizer", "asgd", "--average-decay", "0.9"], "--average-decay"),
            (["--optimizer", "momentum", "--momentum", "1"], "momentum"),
            (["--weight-decay", "-1"], "--weight-decay"), (["--average-decay", "1"], "average"),
        ])
        func whatMakesNoSenseIsAUsageError(options: [String], name: String) async throws {
            try await expectFailure(["train"] + options, status: 64, naming: name, in: TemporaryFolder())
        }

        @Test(arguments: [["--patience", "3"], ["--validate-steps", "10"], ["--optimizer", "asgd"]])
        func whatNeedsATextToValidateOnSaysSo(options: [String]) async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            try await expectFailure(
                ["train", "text.txt", "--output", "model"] + Unroll.tiny + options, status: 64,
                naming: options[0], "--validation", in: folder)
        }
    }
}
