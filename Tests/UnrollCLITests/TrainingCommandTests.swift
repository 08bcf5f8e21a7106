import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    @Suite struct TrainingCommandTests {
        @Test(arguments: [[], ["--validation", "0.2"]])
        func jsonLinesSayWhatHappens(options: [String]) async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(
                in: folder, epochs: 3, options: ["--json", "--prompt", "the "] + options)
            let objects = try result.objects()
            let events = objects.map { $0["event"] as? String }
            #expect(
                events == ["started", "baselines", "epoch", "epoch", "epoch", "sample", "finished"])
            #expect(objects[2...4].map { $0["epoch"] as? Int } == [1, 2, 3])
            #expect(objects[5]["prompt"] as? String == "the ")
            #expect((objects[5]["text"] as? String)?.isEmpty == false)

            let finished = objects[6]
            let best = ["best", "bestEpoch", "bestValidationPerplexity", "stoppedEarly"]
            #expect(
                Set(finished.keys).subtracting(options.isEmpty ? [] : best) == [
                    "event", "epochs", "perplexity", "tokensPerSecond", "validationPerplexity", "model",
                ])
            #expect(finished["epochs"] as? Int == 3)
            #expect(finished["model"] as? String == "model")
            #expect(try #require(finished["perplexity"] as? Double) > 1)
            #expect(try #require(finished["tokensPerSecond"] as? Double) > 0)
            if options.isEmpty {
                #expect(finished["validationPerplexity"] is NSNull)
            } else {
                #expect(try #require(finished["validationPerplexity"] as? Double) > 1)
            }
        }

        @Test func baselinesAreSaidOnceAndChangeNothing() async throws {
            let folder = try TemporaryFolder()
            let options = ["--json", "--validation", "0.2"]
            let result = try await trainTinyModel(in: folder, options: options)
            let line = try #require(try result.objects().dropFirst().first)
            #expect(
                Set(line.keys) == [
                    "event", "heldOut", "uniformPerplexity", "unigramPerplexity", "fiveGramPerplexity",
                    "xzPerplexity", "countedTokens",
                ])
            #expect(line["heldOut"] as? Bool == true)
            let (uniform, unigram, fiveGram) = (
                try #require(line["uniformPerplexity"] as? Double),
                try #require(line["unigramPerplexity"] as? Double),
                try #require(line["fiveGramPerplexity"] as? Double)
            )
            #expect(fiveGram < unigram && unigram < uniform)
            #expect(result.error.contains("perplexity of baselines on the held-out text: uniform "))

            let resumed = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "3", "--threads", "1", "--json"], in: folder)
            let model = try Data(contentsOf: folder("model/model.safetensors"))
            #expect(!resumed.error.contains("baselines"))
            try FileManager.default.removeItem(at: folder("model"))
            let silent = try await trainTinyModel(
                in: folder, epochs: 3, options: options + ["--no-baselines"])
            #expect(try silent.objects().dropFirst().first?["event"] as? String == "epoch")
            #expect(try Data(contentsOf: folder("model/model.safetensors")) == model)
        }

        @Test(arguments: [
            [], ["--validation", "0.2", "--partitioning", "random"], ["--partitioning", "windows"],
        ])
        func aDryRunSaysWhatARunWouldBeAndSavesNothing(options: [String]) async throws {
            let folder = try TemporaryFolder()
            let dry =
                ["train", "-", "--dry-run", "--cell", "gru", "--epochs", "1000"] + Unroll.tiny + options
            let text = Data(englishText.utf8)
            let result = try await Unroll.run(dry + ["--json"], input: text, in: folder)
            #expect(result.status == 0 && result.error == "", "\(result.error)")
            let line = try #require(try result.objects().first)
            let whole = try await Unroll.run(
                ["train", "-", "--output", "model", "--cell", "gru", "--epochs", "1", "--json"]
                    + Unroll.tiny + options, input: text, in: folder)
            let started = try #require(try whole.objects().first)
            for (key, same) in [
                ("parameterCount", "parameters"), ("vocabulary", "vocabulary"),
                ("trainingTokens", "trainingTokens"), ("validationTokens", "validationTokens"),
            ] {
                #expect(line[key] as? Int == started[same] as? Int)
            }
            let parameters = try #require(line["parameters"] as? [[String: Any]])
            #expect(parameters.map { $0["name"] as? String }.contains("rnn.weight_hh_l0"))
            #expect(
                parameters.compactMap { $0["count"] as? Int }.reduce(0, +) == line["parameterCount"] as? Int)
            let (tokens, minibatches) = (
                try #require(line["tokensPerEpoch"] as? Int),
                try #require(line["minibatchesPerEpoch"] as? Int)
            )
            #expect(tokens <= 8 * minibatches && tokens > 8 * (minibatches - 1))
            #expect(line["tokens"] as? Int == 1000 * tokens)
            #expect(try #require(line["memoryBytes"] as? Double) > 0)
            #expect(try #require(line["seconds"] as? Double) > 0)
            #expect(try #require(line["tokensPerSecond"] as? Double) > 0)
            #expect(try folder.names() == ["model"])

            let people = try await Unroll.run(dry, input: text, in: folder)
            #expect(people.output.contains("\nrnn.weight_hh_l0"))
            #expect(people.output.contains("\ntime    about "))
        }

        @Test func dryRunsOfRecipesAndOfAbsurdLengthsAreSaid() async throws {
            let folder = try TemporaryFolder()
            try folder.write(String(repeating: englishText, count: 20), to: "text.txt")
            let recipe = try await Unroll.run(
                ["train", "text.txt", "--dry-run", "--recipe", "gluon-concise"], in: folder)
            #expect(recipe.status == 0, "\(recipe.error)")
            #expect(recipe.output.contains("rnn.weight_ih_l0"))
            let long = try await Unroll.run(
                ["train", "--dry-run", "--epochs", "\(Int.max)"] + Unroll.tiny, in: folder)
            #expect(long.status == 0, "\(long.error)")
            try await expectFailure(
                ["train", "--dry-run", "--resume", "model"], status: 64, naming: "leave out --resume",
                in: folder)
            #expect(try folder.names() == ["text.txt"])
        }

        @Test func theModelFolderHasItsFiles() async throws {
            let folder = try TemporaryFolder()
            try await trainTinyModel(in: folder, epochs: 3)
            #expect(try folder.names(in: "model") == modelFiles.union(runFiles))
            #expect(try folder.names() == ["text.txt", "model"])
            let metrics = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
            #expect(metrics.split(separator: "\n").count == 3)
        }

        @Test func layersAndEmbeddingsAreSaidAndKept() async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(
                in: folder,
                options: [
                    "--cell", "lstm", "--layers", "2", "--embedding", "8", "--tie-weights", "--engine",
                    "reference",
                ])
            #expect(
                result.error.contains(
                    "lstm cell, 2 layers of 8 hidden units, embedding of 8 tied to the output, "))
            // What the model is made of comes from the folder; nothing else may be said.
            try await expectFailure(
                ["train", "--resume", "model", "--epochs", "3", "--layers", "1"], status: 64,
                naming: "--layers cannot change", "it is 2", in: folder)
            let resumed = try await Unroll.run(
                [
                    "train", "--resume", "model", "--epochs", "3", "--layers", "2", "--embedding", "8",
                    "--engine", "reference",
                ], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            let people = try await Unroll.run(["info", "model"], in: folder)
            #expect(people.output.contains("layers         2\nembedding      8, tied to the output\n"))
            let line = try #require(
                try await Unroll.run(["info", "model", "--json"], in: folder).objects().first)
            #expect(line["layers"] as? Int == 2)
            #expect(line["embedding"] as? Int == 8)
            #expect(line["tiedWeights"] as? Bool == true)
        }

        @Test func aSingleBiasAndCarriedEpochsAreKept() async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(
                in: folder,
                options: ["--single-bias", "--stateful-epochs", "1", "--partitioning", "consecutive"])
            #expect(result.status == 0, "\(result.error)")
            let line = try #require(
                try await Unroll.run(["info", "model", "--json"], in: folder).objects().first)
            #expect(line["singleBias"] as? Bool == true)
            let training = try #require(line["training"] as? [String: Any])
            #expect(training["statefulEpochs"] as? Int == 1)
            #expect(training["partitioning"] as? String == "consecutive")
            let people = try await Unroll.run(["info", "model"], in: folder)
            #expect(people.output.contains("biases         one in each layer\n"))
        }

        @Test func thePrecisionIsSaidAndKept() async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(in: folder, options: ["--precision", "bfloat16", "--json"])
            let engine = try #require(try result.objects().first?["engine"] as? String)
            #expect(engine.hasSuffix(", bfloat16)"))
            let resumed = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "3", "--threads", "1"], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            #expect(resumed.error.contains(", bfloat16)"))
            let people = try await Unroll.run(["info", "model"], in: folder)
            #expect(people.output.contains("seed 0, bfloat16\n"))
            let line = try #require(
                try await Unroll.run(["info", "model", "--json"], in: folder).objects().first)
            #expect((line["training"] as? [String: Any])?["precision"] as? String == "bfloat16")
            // The reference engine cannot go on with it.
            try await expectFailure(
                ["train", "--resume", "model", "--epochs", "4", "--engine", "reference"], status: 64,
                naming: "reference engine", "bfloat16", in: folder)
        }

        @Test func samplesAndTheResultGoToStandardOutput() async throws {
            let folder = try TemporaryFolder()
            let result = try await trainTinyModel(in: folder, options: ["--prompt", "the time"])
            #expect(result.lines.first?.hasPrefix("the time") == true)
            #expect(result.lines.last?.hasPrefix("perplexity ") == true)
            #expect(result.lines.last?.hasSuffix("model in model") == true)
            #expect(result.error.contains("text.txt: 948 tokens"))
            #expect(!result.error.contains("\u{1B}"), "no terminal, no escape sequences")
            #expect(!result.error.contains("\r"))
        }

        @Test func theBundledStoryIsTheDefault() async throws {
            let folder = try TemporaryFolder()
            for name in ["unroll-model", "unroll-model-2"] {
                let result = try await Unroll.run(
                    ["train", "--epochs", "1", "--limit", "2000"] + Unroll.tiny, in: folder)
                #expect(result.status == 0)
                #expect(result.lines.last?.hasSuffix("model in \(name)") == true)
            }
        }

        @Test func threadsDoNotChangeTheModel() async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            for threads in ["1", "2"] {
                let result = try await Unroll.run(
                    [
                        "train", "text.txt", "--output", threads, "--hidden", "40", "--batch", "3",
                        "--sequence-length",
                        "5", "--epochs", "2", "--threads", threads,
                    ], in: folder)
                #expect(result.status == 0, "\(result.error)")
            }
            #expect(
                try Data(contentsOf: folder("1/model.safetensors"))
                    == Data(contentsOf: folder("2/model.safetensors")))
        }

        @Test func standardInputIsAText() async throws {
            let folder = try TemporaryFolder()
            let text = Data(englishText.utf8)
            let train = ["train", "-", "--output", "model", "--epochs", "2"] + Unroll.tiny
            let result = try await Unroll.run(train, input: text, in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.error.contains("standard input: 948 tokens"))

            try await expectFailure(
                ["train", "--resume", "model"], status: 1, naming: "standard input", "give -", in: folder)
            let resumed = try await Unroll.run(
                ["train", "-", "--resume", "model", "--epochs", "4", "--json"], input: text, in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            #expect(try resumed.objects().last?["epochs"] as? Int == 4)

            let evaluated = try await Unroll.run(
                ["evaluate", "model", "-", "--json"], input: text, in: folder)
            #expect(try evaluated.objects().first?["tokens"] as? Int == 948)
        }

        @Test func realPipesWork() async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments = [
                "-c",
                "cat text.txt | \"$0\" train - --output model --epochs 2 \(Unroll.tiny.joined(separator: " "))"
                    + " --json 2>/dev/null | cat > lines; \"$0\" generate model --prompt 'the ' | head -c 4 > text",
                Unroll.executable.path,
            ]
            shell.currentDirectoryURL = folder.url
            try await shell.runToEnd()
            let lines = try String(contentsOf: folder("lines"), encoding: .utf8).split(separator: "\n")
            #expect(lines.last?.contains("finished") == true)
            #expect(try String(contentsOf: folder("text"), encoding: .utf8) == "the ")
        }

        @Test func bytesReadWhatIsNoUTF8() async throws {
            let folder = try TemporaryFolder()
            try (Data([0x61, 0xFF, 0xFE]) + Data(englishText.utf8)).write(to: folder("bad.txt"))
            let train = ["train", "bad.txt", "--output", "model", "--epochs", "1"] + Unroll.tiny
            try await expectFailure(
                train, status: 1, naming: "bad.txt", "byte 1", "--tokens bytes", in: folder)
            let result = try await Unroll.run(train + ["--tokens", "bytes"], in: folder)
            #expect(result.status == 0, "\(result.error)")
        }

        // MARK: Scripts

        private func expectItLearns(
            _ text: String, prompt: String, in folder: TemporaryFolder, options: [String] = []
        ) async throws {
            try await trainTinyModel(in: folder, text: text, options: ["--prompt", prompt] + options)
            let generated = try await Unroll.run(
                ["generate", "model", "--prompt", prompt, "--length", "40", "--threads", "1"], in: folder)
            #expect(generated.status == 0)
            #expect(generated.error == "")
            #expect(generated.output.hasPrefix(prompt))
            #expect(generated.output.unicodeScalars.count == prompt.unicodeScalars.count + 41)
            let own = Set(text.unicodeScalars).union("\n".unicodeScalars)
            #expect(generated.output.unicodeScalars.allSatisfy(own.contains))
        }

        @Test func russianTextsAreLearned() async throws {
            let text = String(
                repeating: "Время шло, и путешественник всё ещё сидел у лампы; ёлка стояла в углу.\n",
                count: 12)
            try await expectItLearns(text, prompt: "Время", in: TemporaryFolder())
        }

        @Test func chineseTextsOfManyCharactersAreLearned() async throws {
            // 3,500 characters in an order without a pattern, each once or twice.
            let scalars = (0..<5_000).compactMap { Unicode.Scalar(0x4E00 + UInt32($0 * 1_237 % 3_500)) }
            var text = String(String.UnicodeScalarView(scalars))
            text += "时间旅行者坐在灯旁。"
            let folder = try TemporaryFolder()
            try await expectItLearns(text, prompt: "时间", in: folder, options: ["--batch", "8"])
            let info = try await Unroll.run(["info", "model", "--json"], in: folder)
            #expect(try #require(info.objects().first?["vocabulary"] as? Int) > 3_500)
        }

        // MARK: Interruption

        /// Arguments of a run that takes long enough to be interrupted.
        private func long(_ output: String, epochs: Int) -> [String] {
            [
                "train", "text.txt", "--preset", "book", "--output", output, "--epochs", "\(epochs)",
                "--hidden",
                "32", "--batch", "2", "--sequence-length", "8", "--threads", "1", "--json", "--validation",
                "0.1",
            ]
        }

        /// Epoch lines without times.
        private func epochs(_ results: Unroll.Result...) throws -> [[Double]] {
            try results.flatMap { try $0.objects() }.filter { $0["event"] as? String == "epoch" }.map {
                line in
                ["epoch", "perplexity", "validationPerplexity", "gradientNorm"]
                    .map { (line[$0] as? NSNumber)?.doubleValue ?? .nan }
            }
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
        func interruptionSavesAndResumingGoesOnInEveryBit(signal: Int32) async throws {
            let folder = try TemporaryFolder()
            try folder.write(String(repeating: englishText, count: 4), to: "text.txt")
            let running = try Unroll.start(long("model", epochs: 1_000_000), in: folder)
            try await running.waits(for: #""event":"epoch""#)
            running.send(signal)
            let first = try await running.result()
            #expect(first.status == 128 + signal, "\(first)")
            let line = try #require(first.error.split(separator: "\n").last)
            #expect(line.hasPrefix("unroll: interrupted; checkpoint written"))
            #expect(line.hasSuffix("unroll train --resume model"))
            #expect(try first.objects().last?["event"] as? String == "interrupted")
            #expect(try folder.names(in: "model") == modelFiles.union(runFiles).union(["best"]))
            let generated = try await Unroll.run(
                ["generate", "model", "--prompt", "the ", "--length", "5"], in: folder)
            #expect(generated.status == 0)

            // Neither at the end of an epoch nor near the end of the run, most likely; both get a few epochs more.
            let enough = Int(try #require(epochs(first).last?[0])) + 3
            let second = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "\(enough)", "--threads", "2", "--json"],
                in: folder)
            #expect(second.status == 0, "\(second.error)")
            let whole = try await Unroll.run(long("whole", epochs: enough), in: folder)
            #expect(whole.status == 0, "\(whole.error)")
            #expect(try epochs(first, second) == epochs(whole))
            #expect(
                try Data(contentsOf: folder("model/model.safetensors"))
                    == Data(contentsOf: folder("whole/model.safetensors")))
        }

        @Test func aKillAtAnyMomentLeavesALoadableFolder() async throws {
            let folder = try TemporaryFolder()
            try folder.write(englishText, to: "text.txt")
            for round in 0..<8 {
                let isFirst = try !folder.names().contains("model")
                let arguments =
                    isFirst
                    ? long("model", epochs: 1_000_000) : ["train", "--resume", "model", "--threads", "1"]
                let running = try Unroll.start(arguments, in: folder)
                try await Task.sleep(for: .milliseconds(15 + 23 * round))
                running.send(SIGKILL)
                #expect(try await running.result().status == -SIGKILL)
                guard try folder.names().contains("model") else { continue }
                let info = try await Unroll.run(["info", "model"], in: folder)
                #expect(info.status == 0, "\(info.error)")
            }
            let resumed = try await Unroll.run(
                ["train", "--resume", "model", "--epochs", "1", "--threads", "1"], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
        }

        @Test func aRunWhoseTextHasMovedIsResumedFromItsNewPlace() async throws {
            let folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
            try FileManager.default.moveItem(at: folder("text.txt"), to: folder("moved.txt"))
            try await expectFailure(
                ["train", "--resume", "model", "--epochs", "3"], status: 1, naming: "text.txt",
                "no such file",
                in: folder)
            for epochs in 3...4 {
                // The second time, the new place is known.
                let corpus = epochs == 3 ? ["moved.txt"] : []
                let result = try await Unroll.run(
                    ["train", "--resume", "model", "--epochs", "\(epochs)", "--threads", "1", "--json"]
                        + corpus,
                    in: folder)
                #expect(result.status == 0, "\(result.error)")
                #expect(try result.objects().last?["epochs"] as? Int == epochs)
            }
        }

        @Test func anotherTextIsNotResumed() async throws {
            let folder = try TemporaryFolder()
            try await trainTinyModel(in: folder)
            try folder.write(englishText + "more", to: "other.txt")
            try await expectFailure(
                ["train", "other.txt", "--resume", "model"], status: 1, naming: "'other.txt'",
                "is not the text of the run", in: folder)
        }
    }
}

extension Process {
    /// Runs to the end without blocking a thread.
    fileprivate func runToEnd() async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        terminationHandler = { _ in continuation.finish() }
        try run()
        for await _ in stream {}
    }
}
