import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `generate`, `evaluate` and `info`.
    @Suite struct ModelCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
        }

        private func generate(_ options: String...) async throws -> Unroll.Result {
            try await Unroll.run(["generate", "model", "--threads", "1"] + options, in: folder)
        }

        @Test func generatePrintsPromptAndContinuationAndNothingElse() async throws {
            let result = try await generate("--prompt", "the time ", "--length", "50")
            #expect(result.status == 0)
            #expect(result.error == "")
            #expect(result.output.hasPrefix("the time "))
            #expect(result.output.hasSuffix("\n"))
            #expect(result.output.count == 9 + 50 + 1)
            let empty = try await generate("--prompt", "the", "--length", "0")
            #expect(empty.output == "the\n")
            let dash = try await generate("--prompt", "- the", "--length", "0")
            #expect(dash.output == "- the\n")
        }

        @Test func theSeedDecidesTheText() async throws {
            let texts = try await [
                generate("--prompt", "the", "--seed", "1"), generate("--prompt", "the", "--seed", "1"),
                generate("--prompt", "the", "--seed", "2"), generate("--prompt", "the", "--greedy"),
                generate("--prompt", "the", "--greedy", "--seed", "5"),
                generate("--prompt", "the", "--alpha", "4", "--seed", "1"),
                generate("--prompt", "the", "--temperature", "0.25", "--seed", "1"),
            ].map(\.output)
            #expect(texts[0] == texts[1])
            #expect(texts[0] != texts[2])
            #expect(texts[3] == texts[4])
            #expect(texts[5] == texts[6])
        }

        @Test func unknownCharactersOfThePromptAreToldOfAndRead() async throws {
            let result = try await generate("--prompt", "漢字", "--length", "5")
            #expect(result.status == 0)
            #expect(result.output.hasPrefix("漢字"))
            #expect(result.error == "note: the model has never seen '漢', '字'; read as unknown\n")
        }

        @Test func evaluateSaysHowWellTheModelPredicts() async throws {
            let result = try await Unroll.run(["evaluate", "model", "text.txt", "--json"], in: folder)
            #expect(result.status == 0)
            #expect(result.error == "")
            let line = try #require(try result.objects().first)
            #expect(
                Set(line.keys) == ["tokens", "nats", "perplexity", "bitsPerCharacter", "bitsPerByte"])
            let nats = try #require(line["nats"] as? Double)
            #expect(line["tokens"] as? Int == 948)
            #expect(try abs(#require(line["perplexity"] as? Double) - exp(nats / 948)) < 1e-9)
            #expect(try abs(#require(line["bitsPerCharacter"] as? Double) - nats / 948 / log(2)) < 1e-9)
            let people = try await Unroll.run(["evaluate", "model", "text.txt"], in: folder)
            #expect(people.lines.count == 5)
            #expect(people.lines[0].hasPrefix("tokens  "))
        }

        @Test func evaluateTellsOfUnknownTokens() async throws {
            try folder.write("the 漢字", to: "other.txt")
            let result = try await Unroll.run(["evaluate", "model", "other.txt", "--json"], in: folder)
            #expect(result.status == 0)
            #expect(result.error == "note: 2 of 6 tokens are unknown to the model\n")
        }

        @Test func infoSaysWhatTheFolderHolds() async throws {
            let people = try await Unroll.run(["info", "model"], in: folder)
            #expect(people.status == 0)
            #expect(people.output.contains("hidden units   8\n"))
            let line = try #require(
                try await Unroll.run(["info", "model", "--json"], in: folder).objects().first)
            #expect(line["cell"] as? String == "tanh")
            #expect(line["hiddenSize"] as? Int == 8)
            #expect(line["layers"] as? Int == 1)
            #expect(line["embedding"] is NSNull)
            #expect(line["tiedWeights"] as? Bool == false)
            #expect(line["singleBias"] as? Bool == false)
            #expect(!people.output.contains("layers") && !people.output.contains("embedding"))
            #expect((line["training"] as? [String: Any])?["epochs"] as? Int == 2)
            #expect(line["corpus"] as? String == folder("text.txt").resolvingSymlinksInPath().path)
        }

        @Test func bfloat16IsNearlyTheSame() async throws {
            let texts = try await [
                generate("--prompt", "the", "--precision", "bfloat16"),
                generate("--prompt", "the", "--precision", "bfloat16"),
            ]
            #expect(texts[0].status == 0, "\(texts[0].error)")
            #expect(texts[0].output == texts[1].output)
            var nats: [Double] = []
            for precision in ["float32", "bfloat16"] {
                let result = try await Unroll.run(
                    ["evaluate", "model", "text.txt", "--json", "--precision", precision], in: folder)
                nats.append(try #require(try result.objects().first?["nats"] as? Double))
            }
            #expect(nats[0] != nats[1])
            #expect(abs(nats[1] / nats[0] - 1) < 1e-3)
        }

        // MARK: Failures

        @Test func badOptionsAreNamed() async throws {
            let generate = ["generate", "model", "--prompt"]
            try await expectFailure(generate + [""], status: 64, naming: "prompt is empty", in: folder)
            try await expectFailure(["generate", "model"], status: 64, naming: "--prompt", in: folder)
            for value in ["0", "-1", "nan", "inf", "warm"] {
                for option in ["--temperature", "--alpha"] {
                    try await expectFailure(
                        generate + ["a", option, value], status: 64, naming: option, in: folder)
                }
            }
            for pair in [
                ["--greedy", "--temperature", "1"], ["--greedy", "--alpha", "1"],
                ["--temperature", "1", "--alpha", "1"],
            ] {
                try await expectFailure(
                    generate + ["a"] + pair, status: 64, naming: "exclude each other", in: folder)
            }
            try await expectFailure(
                generate + ["a", "--length", "-1"], status: 64, naming: "--length", in: folder)
            for command in [generate + ["a"], ["evaluate", "model", "text.txt"]] {
                try await expectFailure(
                    command + ["--precision", "float8"], status: 64, naming: "--precision", in: folder)
            }
            try await expectFailure(
                generate + ["a", "--threads", "0"], status: 64, naming: "--threads", in: folder)
            try await expectFailure(
                generate + ["a"], status: 64, naming: "'nonsense'", "portable",
                environment: ["UNROLL_KERNELS": "nonsense"], in: folder)
            try await expectFailure(
                ["benchmark", "--threads", "0"], status: 64, naming: "--threads", in: folder)
        }

        @Test func textsThatCannotBeEvaluatedAreNamed() async throws {
            try folder.write("", to: "empty.txt")
            for (file, reason) in [
                ("nowhere.txt", "no such file"), ("model", "no texts in this folder"),
                ("model/model.safetensors", "model.safetensors: not valid UTF-8"),
                ("empty.txt", "no tokens"),
            ] {
                try await expectFailure(
                    ["evaluate", "model", file], status: 1, naming: reason, in: folder)
            }
        }

        @Test(arguments: [
            ["generate", "X", "--prompt", "a"], ["evaluate", "X", "text.txt"], ["info", "X"],
        ])
        func foldersThatHoldNoModelAreNamed(command: [String]) async throws {
            try FileManager.default.createDirectory(
                at: folder("empty"), withIntermediateDirectories: false)
            for (name, reason) in [
                ("nowhere", "no such file or folder"), ("empty", "not a model folder"),
                ("text.txt", "is a file"),
            ] {
                try await expectFailure(
                    command.map { $0 == "X" ? name : $0 }, status: 1, naming: name, reason, in: folder)
            }
        }

        @Test(arguments: ["config.json", "vocabulary.json", "model.safetensors"])
        func damagedModelsAreNamed(name: String) async throws {
            let file = folder("model/\(name)")
            let whole = try Data(contentsOf: file)
            let generate = ["generate", "model", "--prompt", "a"]
            var flipped = whole
            flipped[whole.count / 2] ^= 1
            let later = String(decoding: whole, as: UTF8.self)
                .replacing(try Regex(#""version" ?: ?1"#), with: #""version":4"#)
            for data in [Data(), whole.prefix(whole.count / 2), whole.dropLast(), flipped] {
                try data.write(to: file)
                try await expectFailure(generate, status: 1, naming: "model", in: folder)
            }
            if name != "model.safetensors" {
                try Data(later.utf8).write(to: file)
                try await expectFailure(generate, status: 1, naming: name, "version 4", "newer", in: folder)
            }
            try FileManager.default.removeItem(at: file)
            try await expectFailure(generate, status: 1, naming: name, in: folder)
        }

        @Test(arguments: ["training.json", "training.safetensors"])
        func damagedCheckpointsAreNotResumedButTheModelIsThere(name: String) async throws {
            let file = folder("model/\(name)")
            let whole = try Data(contentsOf: file)
            let resume = ["train", "--resume", "model", "--epochs", "3"]
            var flipped = whole
            flipped[whole.count / 2] ^= 1
            for data in [Data(), whole.prefix(whole.count / 2), whole.dropLast(2), flipped] {
                try data.write(to: file)
                try await expectFailure(resume, status: 1, naming: name, in: folder)
            }
            try FileManager.default.removeItem(at: file)
            try await expectFailure(resume, status: 1, naming: "there is no \(name)", in: folder)
            #expect(try await generate("--prompt", "a").status == 0)
        }
    }
}
