import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    @Suite struct RecipeCommandTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            try writeRecipe(named: "mine", expecting: 40)
        }

        /// A recipe of a fraction of a second that expects a perplexity.
        private func writeRecipe(named name: String, expecting value: Double, more: String = "") throws {
            try folder.write(
                """
                {
                  "title": "Mine", "source": "me", "about": "A trial.",
                  "corpus": {"text": "text.txt", "preprocessing": "none", "tokens": "characters"\(more)},
                  "model": {"cell": "tanh", "hiddenSize": 8},
                  "training": {
                    "epochs": 3, "batchSize": 2, "sequenceLength": 4, "optimizer": {"learningRate": 0.5},
                    "maxRecoveries": 0
                  },
                  "seeds": [1, 2],
                  "samples": {"prompts": ["the"], "length": 9},
                  "expected": [
                    {"figure": "perplexity", "of": "worst", "value": \(value), "tolerance": 0}
                  ],
                  "reduced": {"training": {"epochs": 2}, "seeds": [4]}
                }
                """, to: "\(name).json")
        }

        @Test func recipesAreListedAndShown() async throws {
            let list = try await Unroll.run(["recipe", "list"], in: folder)
            #expect(list.status == 0)
            #expect(list.lines.contains { $0.hasPrefix("d2l-scratch-sequential  ") })
            let objects = try await Unroll.run(["recipe", "list", "--json"], in: folder).objects()
            #expect(objects.count == list.lines.count)
            for name in objects.compactMap({ $0["recipe"] as? String }) {
                let shown = try await Unroll.run(["recipe", "show", name], in: folder)
                #expect(shown.status == 0)
                // What is shown can be run.
                try folder.write(shown.output, to: "\(name).json")
                let again = try await Unroll.run(["recipe", "show", "\(name).json"], in: folder)
                #expect(again.output == shown.output)
            }
        }

        @Test func aRecipeOfOnesOwnIsRun() async throws {
            let result = try await Unroll.run(["recipe", "run", "mine.json"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.error.contains("mine: Mine\ntraining on cpu ("))
            #expect(result.error.contains("), as there is no NVIDIA "))
            #expect(result.lines[0].hasPrefix("| recipe"))
            #expect(result.lines[2].hasPrefix("| `mine`"))
            #expect(result.lines[2].hasSuffix("| yes         |"))
            #expect(result.output.contains("\n- greedy\n    - the"))
            let picture = try String(contentsOf: folder("unroll-recipes/mine.svg"), encoding: .utf8)
            #expect(picture.contains("<svg") && picture.contains("Mine"))
            let json = try JSONSerialization.jsonObject(
                with: try Data(contentsOf: folder("unroll-recipes/mine-result.json")))
            let settings = try #require((json as? [String: Any])?["settings"] as? [[String: Any]])
            let runs = try #require(settings.first?["runs"] as? [[String: Any]])
            #expect(runs.compactMap { $0["seed"] as? Int } == [1, 2])
            #expect(runs.allSatisfy { ($0["perplexity"] as? [Double])?.count == 3 })
        }

        @Test func otherSeedsEpochsTextsAndFormsCanBeAskedFor() async throws {
            try folder.write(String(englishText.reversed()), to: "other.txt")
            func run(_ options: String...) async throws -> [String: Any] {
                let result = try await Unroll.run(
                    ["recipe", "run", "mine.json", "--json", "--output", "out"] + options, in: folder)
                #expect(result.status == 0, "\(result.error)")
                let settings = try #require(try result.objects()[0]["settings"] as? [[String: Any]])
                return try #require((settings[0]["runs"] as? [[String: Any]])?.first)
            }
            let plain = try await run()
            let seeded = try await run("--seeds", "7,8", "--epochs", "1")
            #expect(seeded["seed"] as? Int == 7)
            #expect((seeded["perplexity"] as? [Double])?.count == 1)
            let reduced = try await run("--reduced", "--threads", "1")
            #expect(reduced["seed"] as? Int == 4)
            #expect((reduced["perplexity"] as? [Double])?.count == 2)
            let other = try await run("--corpus", "other.txt")
            #expect(other["perplexity"] as? [Double] != plain["perplexity"] as? [Double])
            #expect((other["perplexity"] as? [Double])?.count == 3)
        }

        @Test func twoRunsOfOneRecipeDoNotMixTheirResults() async throws {
            try FileManager.default.createDirectory(
                at: folder("unroll-recipes"), withIntermediateDirectories: false)
            // As another process at work on the recipe would have it.
            try folder.write("17 elsewhere\n", to: "unroll-recipes/mine.lock")
            let lock = try FileHandle(forReadingFrom: folder("unroll-recipes/mine.lock"))
            #expect(flock(lock.fileDescriptor, LOCK_EX | LOCK_NB) == 0)
            let refused = try await Unroll.run(["recipe", "run", "mine.json"], in: folder)
            #expect(refused.status == 1)
            #expect(refused.error.contains("process 17 on elsewhere is writing to it"), "\(refused.error)")
            #expect(refused.error.contains("--output"))
            let other = try await Unroll.run(["recipe", "run", "mine.json", "--output", "out"], in: folder)
            #expect(other.status == 0, "\(other.error)")
            #expect(try folder.names(in: "out") == ["mine-result.json", "mine.svg"])
            try lock.close()
            #expect(try await Unroll.run(["recipe", "run", "mine.json"], in: folder).status == 0)
        }

        @Test func whatIsNotAsExpectedFails() async throws {
            try writeRecipe(named: "hopeful", expecting: 1.01)
            let good = try await Unroll.run(["recipe", "verify", "mine.json"], in: folder)
            #expect(good.status == 0, "\(good.error)")
            let bad = try await Unroll.run(["recipe", "verify", "mine.json", "hopeful.json"], in: folder)
            #expect(bad.status == 1)
            #expect(bad.error.contains("1 of 2 recipes did not come to what they expect: hopeful"))
            #expect(bad.output.contains("no: worst "))
            // To run is not to verify.
            #expect(try await Unroll.run(["recipe", "run", "hopeful.json"], in: folder).status == 0)
        }

        @Test func aTrainerFollowsARecipe() async throws {
            let result = try await Unroll.run(
                ["train", "--recipe", "mine.json", "--output", "model", "--seed", "2"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            let info = try #require(
                try await Unroll.run(["info", "model", "--json"], in: folder).objects().first)
            #expect(info["hiddenSize"] as? Int == 8)
            let training = try #require(info["training"] as? [String: Any])
            #expect(training["epochs"] as? Int == 3 && training["seed"] as? Int == 2)
            // The same network as the recipe's.
            let run = try await Unroll.run(["recipe", "run", "mine.json", "--seeds", "2"], in: folder)
            #expect(run.status == 0)
            let line = try #require(result.lines.first { $0.hasPrefix("perplexity ") })
            let figure = try #require(line.split(separator: " ").dropFirst().first).dropLast()
            #expect(run.lines[2].contains("\(figure)"))
        }

        @Test(arguments: [
            (["recipe", "run", "gluon-consise"], 64, "did you mean 'gluon-concise'?"),
            (["recipe", "run"], 64, "recipes"),
            (["recipe", "run", "mine.json", "--seeds", "1,x"], 64, "--seeds"),
            (["recipe", "run", "mine.json", "--epochs", "0"], 64, "--epochs"),
            (["recipe", "run", "mine.json", "--threads", "0"], 64, "--threads"),
            (["recipe", "run", "mine.json", "--corpus", "-"], 64, "--corpus"),
            (["recipe", "run", "exercise-detached-state", "--threads", "2"], 64, "--threads"),
            (["recipe", "run", "mine.json", "mine.json"], 1, "'mine'"),
            (["train", "--recipe", "mine.json:other"], 64, "only one setting"),
            (["recipe", "run", "mine.json", "--output", ""], 64, "--output"),
            (["recipe", "run", "mine.json", "--output", "text.txt"], 1, "text.txt"),
            (["recipe", "run", "mine.json", "--corpus", "nowhere.txt"], 1, "nowhere.txt"),
            (["recipe", "run", "text.txt"], 1, "not JSON"), (["recipe", "run", "."], 1, "cannot be read"),
            (["recipe", "show", "nothing"], 64, "unroll recipe list"),
            (["train", "--recipe", "exercise-relu"], 64, "'tanh', 'ReLU'"),
            (["train", "--recipe", "exercise-relu:ReLUU"], 64, "no setting 'ReLUU'"),
            (["train", "--recipe", "nothing"], 64, "'nothing'"),
            (["train", "--recipe", "mine.json", "--resume", "model"], 64, "--recipe"),
        ])
        func mistakesAreNamed(arguments: [String], status: Int32, text: String) async throws {
            try await expectFailure(arguments, status: status, naming: text, in: folder)
        }

        @Test func theTextIsChecked() async throws {
            try writeRecipe(
                named: "other", expecting: 40,
                more: #", "sha256": "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516""#)
            try await expectFailure(
                ["recipe", "run", "other.json"], status: 1, naming: "'other'", "text.txt", "SHA-256",
                "8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516", "--corpus", in: folder)
            // A text of one's own is not checked.
            let result = try await Unroll.run(
                ["recipe", "run", "other.json", "--corpus", "text.txt"], in: folder)
            #expect(result.status == 0, "\(result.error)")
        }

        @Test func aTextIsSoughtFromTheRecipesFolder() async throws {
            let other = try TemporaryFolder()
            let result = try await Unroll.run(["recipe", "run", folder("mine.json").path], in: other)
            #expect(result.status == 0, "\(result.error)")
        }

        @Test func anInterruptedRunKeepsWhatIsDone() async throws {
            try folder.write(
                try String(contentsOf: folder("mine.json"), encoding: .utf8)
                    .replacingOccurrences(of: "\"epochs\": 3", with: "\"epochs\": 100000000"), to: "long.json"
            )
            let running = try Unroll.start(
                ["recipe", "run", "mine.json", "long.json", "--json"], in: folder)
            try await running.waits(for: "\"recipe\":\"mine\"")
            running.send(SIGINT)
            let result = try await running.result()
            #expect(result.status == 130)
            #expect(FileManager.default.fileExists(atPath: folder("unroll-recipes/mine.svg").path))
            #expect(!FileManager.default.fileExists(atPath: folder("unroll-recipes/long.svg").path))
        }
    }
}
