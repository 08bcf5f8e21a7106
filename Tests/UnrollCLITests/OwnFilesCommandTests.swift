import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// What Unroll has written is not learned, and what is on the disk is not lost or changed without need.
    @Suite struct OwnFilesCommandTests {
        private let folder: TemporaryFolder

        init() throws {
            folder = try TemporaryFolder()
        }

        private func run(_ arguments: String...) async throws -> Unroll.Result {
            try await Unroll.run(arguments, in: folder)
        }

        private func trainingTokens(_ result: Unroll.Result) throws -> Int {
            #expect(result.status == 0, "\(result.error)")
            return try #require(try result.objects().first?["trainingTokens"] as? Int)
        }

        @Test func aFolderIsTheSameTextEachTime() async throws {
            try folder.write(englishText, to: "text.txt")
            func train() async throws -> Unroll.Result {
                try await Unroll.run(
                    ["train", ".", "--tokens", "bytes", "--epochs", "1", "--tensorboard", "events", "--json"]
                        + Unroll.tiny, in: folder)
            }
            #expect(try trainingTokens(try await train()) == englishText.utf8.count)
            try FileManager.default.moveItem(at: folder("events"), to: folder("earlier"))
            for arguments in [
                ["report", "unroll-model"],
                ["evaluate", "unroll-model", "text.txt", "--heatmap", "map.html"],
                ["compress", "unroll-model", "text.txt", "text.unr"],
            ] {
                let result = try await Unroll.run(arguments, in: folder)
                #expect(result.status == 0, "\(result.error)")
            }
            let second = try await train()
            #expect(try trainingTokens(second) == englishText.utf8.count)
            for part in [
                "note: left out: ", "unroll-model (a model folder)", "report.html (a page of Unroll)",
                "map.html (a page of Unroll)", "text.unr (a compressed text)", "TensorBoard",
            ] {
                #expect(second.error.contains(part), "\(second.error)")
            }
            // The same model came of it.
            #expect(
                try Data(contentsOf: folder("unroll-model/model.safetensors"))
                    == Data(contentsOf: folder("unroll-model-2/model.safetensors")))
        }

        @Test func foldersToValidateOnAndToEvaluateAreReadLikewise() async throws {
            try await trainTinyModel(in: folder)
            try FileManager.default.createDirectory(at: folder("held"), withIntermediateDirectories: false)
            try folder.write(englishText, to: "held/a.txt")
            try FileManager.default.copyItem(at: folder("model"), to: folder("held/model"))
            let train = try await Unroll.run(
                [
                    "train", "text.txt", "--validation-file", "held", "--output", "b", "--epochs", "1",
                    "--json",
                ]
                    + Unroll.tiny, in: folder)
            #expect(train.status == 0)
            #expect(try train.objects().first?["validationTokens"] as? Int == englishText.utf8.count)
            #expect(train.error.contains("note: left out: model (a model folder)\n"), "\(train.error)")
            let evaluation = try await run("evaluate", "model", "held", "--json")
            #expect(try evaluation.objects().first?["tokens"] as? Int == englishText.utf8.count)
            #expect(evaluation.error == "note: left out: model (a model folder)\n")
        }

        @Test func aFolderWithNothingElseIsNamed() async throws {
            try await trainTinyModel(in: folder)
            try await expectFailure(
                ["train", "model", "--output", "x"], status: 1, naming: "no texts", "model", in: folder)
            try FileManager.default.createDirectory(at: folder("runs"), withIntermediateDirectories: false)
            try FileManager.default.moveItem(at: folder("model"), to: folder("runs/model"))
            try await expectFailure(
                ["train", "runs", "--output", "x"], status: 1, naming: "no texts", "model", in: folder)
            // A file that is named is read.
            let named = try await Unroll.run(
                ["train", "runs/model/model.safetensors", "--tokens", "bytes", "--epochs", "1"] + Unroll.tiny,
                in: folder)
            #expect(named.status == 0, "\(named.error)")
        }

        // MARK: Caches

        /// Every file of a folder with its contents.
        private func contents(of name: String) throws -> [String: Data] {
            let paths = try FileManager.default.subpathsOfDirectory(atPath: folder(name).path)
            return try paths.reduce(into: [:]) { contents, path in
                let url = folder("\(name)/\(path)")
                guard !url.hasDirectoryPath,
                    (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory != true
                else { return }
                contents[path] = try Data(contentsOf: url)
            }
        }

        /// Trains on a text that is large enough for a cache.
        private func trainOnLargeText() async throws {
            let lines = (0..<9_000).map { "line \($0) of a log, with the number \($0 * 7_919 % 1_000)\n" }
                .joined()
            try folder.write(
                String(repeating: lines, count: (33 << 20) / lines.utf8.count + 1), to: "log.txt")
            let result = try await Unroll.run(
                [
                    "train", "log.txt", "--tokens", "bytes", "--partitioning", "windows", "--windows", "8",
                    "--epochs", "2", "--output", "run", "--no-baselines",
                ] + Unroll.tiny, in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(try folder.names(in: "run").contains("tokens.cache"))
        }

        @Test func aRefusedResumptionChangesNothing() async throws {
            try await trainOnLargeText()
            let before = try contents(of: "run")
            let log = try FileHandle(forWritingTo: folder("log.txt"))
            try log.seekToEnd()
            try log.write(contentsOf: Data("one more line\n".utf8))
            try log.close()
            for options in [[], ["--epochs", "9"]] {
                let result = try await Unroll.run(["train", "--resume", "run"] + options, in: folder)
                #expect(result.status == 1 && result.error.contains("log.txt"), "\(result)")
                #expect(try contents(of: "run") == before)
            }
            // Without a cache there is none afterwards either.
            try FileManager.default.removeItem(at: folder("run/tokens.cache"))
            let result = try await run("train", "--resume", "run", "--epochs", "9")
            #expect(result.status == 1)
            #expect(try contents(of: "run") == before.filter { $0.key != "tokens.cache" })
        }

        @Test func aDamagedCacheIsMadeAgain() async throws {
            try await trainOnLargeText()
            let whole = try Data(contentsOf: folder("run/tokens.cache"))
            try FileManager.default.copyItem(at: folder("run"), to: folder("copy"))
            var data = whole
            for index in 0..<20_000 { data[1_000 + index * 1_000] ^= 3 }
            try data.write(to: folder("copy/tokens.cache"))
            for name in ["run", "copy"] {
                let result = try await run("train", "--resume", name, "--epochs", "4", "--threads", "1")
                #expect(result.status == 0, "\(result.error)")
                #expect(result.error.contains("tokens.cache: the token cache is damaged") == (name == "copy"))
            }
            #expect(try Data(contentsOf: folder("copy/tokens.cache")) == whole)
            #expect(
                try Data(contentsOf: folder("copy/model.safetensors"))
                    == Data(contentsOf: folder("run/model.safetensors")))
        }

        // MARK: What is on the disk

        @Test func aKilledRunSaysWhatIsThere() async throws {
            try folder.write(englishText, to: "text.txt")
            let training = try Unroll.start(
                [
                    "train", "text.txt", "--output", "model", "--epochs", "1000000", "--validation", "0.2",
                    "--checkpoint-seconds", "1000", "--json",
                ] + Unroll.tiny, in: folder)
            try await training.waits(for: "\"epoch\":20,")
            training.send(SIGKILL)
            #expect(try await training.result().status == -SIGKILL)

            let report = try await run("report", "model", "--json")
            let object = try #require(try report.objects().first)
            #expect(object["epochs"] as? Int == 0)
            for key in ["bestPerplexity", "bestEpoch", "bitsPerToken", "perplexity"] {
                #expect(object[key] is NSNull, "\(key)")
            }
            let saved = try #require(object["saved"] as? [String: Any])
            #expect((saved["model"] as? [String: Any])?["step"] as? Int == 0)
            #expect(saved["best"] is NSNull)
            #expect(try #require((saved["log"] as? [String: Any])?["epoch"] as? Int) >= 20)
            #expect(report.error.contains("the log goes to epoch ") && report.error.contains("is untrained"))

            #expect(try await run("report", "model").status == 0)
            let page = try String(contentsOf: folder("report.html"), encoding: .utf8)
            #expect(page.contains("what was learned after it is lost") && page.contains("none saved"))

            let info = try await run("info", "model")
            #expect(info.output.contains("\nsaved model    untrained\n"), "\(info.output)")
            #expect(info.output.contains("\nlost           the log goes to epoch "))
            #expect(!info.output.contains("best model"))
            for command in [["generate", "model", "--prompt", "the"], ["evaluate", "model", "text.txt"]] {
                let result = try await Unroll.run(command, in: folder)
                #expect(result.status == 0)
                #expect(result.error.hasPrefix("note: model: the model is untrained"), "\(result.error)")
            }
        }

        @Test func everyModelOfARunSaysWhenItWasSaved() async throws {
            let options = ["--validation", "0.2", "--checkpoint-steps", "1", "--keep", "2"]
            try await trainTinyModel(in: folder, epochs: 4, options: options)
            let info = try await run("info", "model", "--json")
            let saved = try #require(try info.objects().first?["saved"] as? [String: Any])
            let model = try #require(saved["model"] as? [String: Any])
            #expect(model["epoch"] as? Int == 4)
            #expect(model["step"] as? Int == (saved["log"] as? [String: Any])?["step"] as? Int)
            let best = try #require(saved["best"] as? [String: Any])
            let perplexity = try #require(best["validationPerplexity"] as? Double)
            let metrics = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
            #expect(metrics.contains("\"validationPerplexity\":\(perplexity)}"), "\(metrics)")
            let kept = try #require(saved["checkpoints"] as? [[String: Any]])
            #expect(!kept.isEmpty)
            for model in kept {
                let name = try #require(model["folder"] as? String)
                let step = try #require(model["step"] as? Int)
                #expect(name.hasSuffix("\(step)"))
                let own = try await run("info", "model/\(name)")
                #expect(own.output.contains("saved model    epoch ") && own.output.contains("step \(step)"))
            }
            let own = try await run("info", "model/best")
            #expect(own.output.contains("validation perplexity "), "\(own.output)")

            // Without the best model, nothing says that it is there.
            try FileManager.default.removeItem(at: folder("model/best"))
            let later = try await run("info", "model")
            #expect(!later.output.contains("best"), "\(later.output)")
            let report = try await run("report", "model", "--json")
            #expect((try report.objects().first?["saved"] as? [String: Any])?["best"] is NSNull)
        }
    }
}
