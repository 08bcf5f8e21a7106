import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `unroll train FILE` without a preset.
    @Suite struct PlanCommandTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            try folder.write(String(repeating: englishText, count: 3), to: "text.txt")
        }

        @Test func aTextOfOnesOwnIsTrainedOnByAPlan() async throws {
            let result = try await Unroll.run(
                ["train", "text.txt", "--minutes", "0.05", "--output", "model", "--json", "--engine", "cpu"],
                in: folder)
            #expect(result.status == 0, "\(result.error)")
            let objects = try result.objects()
            let events = objects.compactMap { $0["event"] as? String }
            #expect(events.prefix(3) == ["plan", "started", "baselines"])
            let plan = objects[0]
            #expect(plan["minutes"] as? Double == 0.05)
            #expect((plan["model"] as? [String: Any])?["cell"] as? String == "lstm")
            #expect(try #require(plan["heldOutTokens"] as? Int) > 0)
            let finished = try #require(objects.last)
            #expect(finished["event"] as? String == "finished" && finished["best"] as? String == "model/best")
            // What was planned is recorded, and nothing is left to do.
            let resumed = try await Unroll.run(["train", "--resume", "model", "--json"], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            #expect(try resumed.objects()[1]["notice"] as? String == "alreadyFinished")
        }

        @Test func peopleGetFiveLinesAndAVerdict() async throws {
            let result = try await Unroll.run(
                ["train", "text.txt", "--minutes", "0.05", "--engine", "cpu", "--hidden", "16"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            let lines = result.error.split(separator: "\n")
            for (line, word) in zip(lines, ["plan", "text", "model", "training", "time"]) {
                #expect(line.hasPrefix(word + " "), "\(line)")
            }
            #expect(lines[2].contains("1 layer of 16 hidden units"))
            #expect(lines[2].contains("n-grams of up to 6"))
            #expect(result.output.contains("on the held-out text the best model has perplexity"))
            #expect(result.output.contains("bits a character; uniform"))
        }

        @Test func subwordsAreComparedByTheirBytes() async throws {
            let result = try await Unroll.run(
                [
                    "train", "text.txt", "--minutes", "0.05", "--engine", "cpu", "--hidden", "16", "--tokens",
                    "bpe:300", "--max-steps", "5",
                ], in: folder)
            #expect(result.status == 0, "\(result.error)")
            let pattern = /has perplexity [\d.]+, ([\d.]+) bits a token, ([\d.]+) a byte; uniform/
            let found = try #require(try pattern.firstMatch(in: result.output))
            let (token, byte) = (try #require(Double(found.1)), try #require(Double(found.2)))
            #expect(byte > 0 && token / byte > 1.5 && token / byte < 20, "\(token), \(byte)")
        }

        @Test func aDryRunShowsThePlanAndSavesNothing() async throws {
            let result = try await Unroll.run(
                ["train", "text.txt", "--minutes", "0.1", "--dry-run", "--json", "--engine", "cpu"],
                in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(try result.objects().map { $0["event"] as? String } == ["plan", "dryRun"])
            #expect(try folder.names() == ["text.txt"])
        }

        @Test func optionsThatAreGivenWin() async throws {
            let result = try await Unroll.run(
                [
                    "train", "text.txt", "--json", "--engine", "cpu", "--cell", "gru", "--hidden", "12",
                    "--epochs", "1", "--optimizer", "sgd", "--dropout", "0.25", "--batch", "3",
                ], in: folder)
            #expect(result.status == 0, "\(result.error)")
            let plan = try #require(try result.objects().first)
            let model = try #require(plan["model"] as? [String: Any])
            let training = try #require(plan["training"] as? [String: Any])
            #expect(model["cell"] as? String == "gru" && model["hiddenSize"] as? Int == 12)
            #expect(training["epochs"] as? Int == 1 && training["batchSize"] as? Int == 3)
            #expect((training["optimizer"] as? [String: Any])?["learningRate"] as? Double == 1)
            #expect((training["regularization"] as? [String: Any])?["dropout"] as? Double == 0.25)
            #expect(try result.objects().last?["epochs"] as? Int == 1)
        }

        @Test func countsStandBesideTheNetworkUnlessTheyAreLeftOut() async throws {
            let arguments = ["train", "text.txt", "--minutes", "0.05", "--engine", "cpu", "--hidden", "16"]
            for (options, order, weight) in [
                ([], 6, nil), (["--ngrams", "3"], 3, nil), (["--ngram-weight", "0.25"], 6, 0.25),
                (["--ngrams", "none"], nil, nil),
            ] as [([String], Int?, Double?)] {
                let result = try await Unroll.run(
                    arguments + ["--json", "--output", "model\(options)"] + options, in: folder)
                #expect(result.status == 0, "\(result.error)")
                let model = try #require(try result.objects().first?["model"] as? [String: Any])
                let ngrams = model["ngrams"] as? [String: Any]
                #expect(ngrams?["order"] as? Int == order)
                if let weight { #expect(ngrams?["weight"] as? Double == weight) }
                let info = try await Unroll.run(["info", "model\(options)", "--json"], in: folder)
                let facts = try #require(try info.objects().first?["ngrams"])
                #expect((facts as? [String: Any])?["order"] as? Int == order)
                let text = try await Unroll.run(["info", "model\(options)"], in: folder)
                #expect(text.output.contains("n-grams") == (order != nil))
            }
            try await expectFailure(
                ["train", "--resume", "model[]", "--ngrams", "4"], status: 64,
                naming: "--ngrams cannot change when a run is resumed, where it is 6", in: folder)
        }

        /// A long text is read as subwords, unless tokens are given.
        @Test func aLongTextIsReadAsSubwords() async throws {
            try folder.write(String(repeating: englishText, count: 1_300), to: "long.txt")
            let arguments = [
                "train", "long.txt", "--minutes", "0.05", "--engine", "cpu", "--hidden", "64", "--json",
            ]
            for (options, tokens) in [
                (["--tokens", "characters"], "characters"), (["--tokens", "bytes"], "bytes"),
            ] {
                let result = try await Unroll.run(arguments + options + ["--dry-run"], in: folder)
                #expect(try result.objects().first?["tokens"] as? String == tokens, "\(result.error)")
            }
            let result = try await Unroll.run(arguments + ["--output", "model"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            let plan = try #require(try result.objects().first)
            #expect(plan["tokens"] as? String == "bpe")
            // The run has recorded how the text is read.
            let resumed = try await Unroll.run(["train", "--resume", "model", "--json"], in: folder)
            #expect(try resumed.objects()[1]["notice"] as? String == "alreadyFinished", "\(resumed.error)")
        }

        @Test(arguments: [
            (["--ngram-weight", "0.3"], "--ngram-weight needs --ngrams"),
            (["--ngrams", "0"], "--ngrams is 0 but must be in 1...16"), (["--ngrams", "many"], "--ngrams"),
            (
                ["--ngrams", "4", "--ngram-weight", "1"],
                "--ngram-weight is 1.0 but must be above 0 and below 1"
            ),
        ])
        func impossibleCountsAreRefused(options: [String], word: String) async throws {
            try await expectFailure(
                ["train", "text.txt", "--preset", "book"] + options, status: 64, naming: word, in: folder)
        }

        @Test func theBundledStoryKeepsTheBooksRun() async throws {
            let result = try await Unroll.run(
                ["train", "--epochs", "1", "--hidden", "8", "--json", "--engine", "cpu"], in: folder)
            #expect(try result.objects().first?["event"] as? String == "started")
            let planned = try await Unroll.run(
                ["train", "--minutes", "0.05", "--json", "--engine", "cpu", "--dry-run"], in: folder)
            #expect(try planned.objects().first?["event"] as? String == "plan", "\(planned.error)")
        }

        @Test(arguments: [
            (["--minutes", "0"], "--minutes is 0"), (["--minutes", "-3"], "--minutes is -3"),
            (["--minutes", "nan"], "--minutes"), (["--minutes", "soon"], "--minutes"),
            (["--minutes", "3", "--preset", "book"], "leave it out"), (["--preset", "best"], "--preset"),
            (["--minutes", "3", "--recipe", "gluon-concise"], "--recipe"),
        ])
        func impossiblePlansAreRefused(options: [String], word: String) async throws {
            try await expectFailure(["train", "text.txt"] + options, status: 64, naming: word, in: folder)
        }

        @Test func aRunThatGoesOnIsNotPlanned() async throws {
            try await expectFailure(
                ["train", "--resume", "model", "--minutes", "3"], status: 64,
                naming: "--minutes is about a new run",
                in: folder)
        }
    }
}
