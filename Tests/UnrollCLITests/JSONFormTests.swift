import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// Every line of JSON has the keys that the article `JSONOutput` documents.
    @Suite struct JSONFormTests {
        private let folder: TemporaryFolder
        private let forms: Forms

        /// The tables of the article by their headings.
        private struct Forms {
            private var required: [String: Set<String>] = [:]
            private var optional: [String: Set<String>] = [:]
            var names: Set<String> { Set(required.keys) }

            init() throws {
                let root = URL(filePath: #filePath)
                    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
                let article = root.appending(path: "Sources/Unroll/Unroll.docc/JSONOutput.md")
                var heading = ""
                for line in try String(contentsOf: article, encoding: .utf8).split(separator: "\n") {
                    if line.hasPrefix("### ") { heading = String(line.dropFirst(4)) }
                    guard line.hasPrefix("| `"), let key = line.split(separator: "`").dropFirst().first else {
                        continue
                    }
                    if line.contains("| Only ") {
                        optional[heading, default: []].insert(String(key))
                    } else {
                        required[heading, default: []].insert(String(key))
                    }
                }
            }

            func check(
                _ object: [String: Any], is form: String, without missing: Set<String> = [],
                sourceLocation: SourceLocation = #_sourceLocation
            ) throws {
                let keys = Set(object.keys)
                let required = try #require(required[form], "\(form)").subtracting(missing)
                #expect(required.isSubset(of: keys), "\(form): \(keys)", sourceLocation: sourceLocation)
                #expect(
                    keys.isSubset(of: required.union(optional[form] ?? [])), "\(form): \(keys)",
                    sourceLocation: sourceLocation)
            }
        }

        init() throws {
            folder = try TemporaryFolder()
            forms = try Forms()
        }

        private func objects(_ arguments: String...) async throws -> [[String: Any]] {
            let result = try await Unroll.run(arguments, in: folder)
            #expect(result.status == 0, "\(arguments): \(result.error)")
            let objects = try result.objects()
            #expect(!objects.isEmpty, "\(arguments)")
            return objects
        }

        private func checkEvents(_ objects: [[String: Any]], of command: String) throws -> Set<String> {
            var events: Set<String> = []
            for object in objects {
                let event = try #require(object["event"] as? String)
                events.insert(event)
                try forms.check(object, is: "\(command): \(event)")
            }
            return events
        }

        private func lines(of file: String) throws -> [[String: Any]] {
            try String(contentsOf: folder(file), encoding: .utf8).split(separator: "\n").map { line in
                try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            }
        }

        private func trainModel() async throws -> Unroll.Result {
            try await trainTinyModel(
                in: folder, epochs: 3,
                options: [
                    "--validation", "0.2", "--test", "0.1", "--validate-steps", "40", "--checkpoint-steps",
                    "1", "--keep", "2", "--json",
                ])
        }

        @Test func training() async throws {
            let events = try checkEvents(try await trainModel().objects(), of: "train")
            #expect(
                events.isSuperset(of: [
                    "started", "baselines", "epoch", "validation", "checkpoint", "sample", "finished",
                ]))
            // A model that is larger than its text is worth a notice.
            let plain = try await objects(
                "train", "text.txt", "--output", "plain", "--epochs", "1", "--hidden", "64", "--batch", "2",
                "--preset", "book", "--json")
            #expect(try checkEvents(plain, of: "train").contains("notice"))
            let limited = try await objects(
                "train", "text.txt", "--preset", "book", "--output", "limited", "--hidden", "8", "--batch",
                "2",
                "--max-steps", "3", "--json")
            #expect(try checkEvents(limited, of: "train").isSuperset(of: ["epoch", "finished"]))
            #expect(limited.contains { $0["event"] as? String == "epoch" && $0["partOfEpoch"] != nil })
            let plan = try await objects("train", "text.txt", "--batch", "2", "--dry-run", "--json")
            #expect(try checkEvents(plan, of: "train") == ["plan", "dryRun"])

            for line in try lines(of: "model/metrics.jsonl") {
                try forms.check(
                    line, is: line["partOfEpoch"] == nil ? "train: epoch" : "train: validation",
                    without: ["event"])
            }
            for line in try lines(of: "plain/metrics.jsonl") {
                try forms.check(line, is: "train: epoch", without: ["event", "validationPerplexity"])
            }
            for line in try lines(of: "model/samples.jsonl") { try forms.check(line, is: "samples.jsonl") }
            let environment = try JSONSerialization.jsonObject(
                with: Data(contentsOf: folder("model/environment.json")))
            try forms.check(try #require(environment as? [String: Any]), is: "environment.json")
        }

        @Test func interruption() async throws {
            try folder.write(englishText, to: "text.txt")
            let run = try Unroll.start(
                ["train", "text.txt", "--epochs", "1000000", "--json"] + Unroll.tiny, in: folder)
            try await run.waits(for: "\"epoch\"")
            run.send(SIGINT)
            let result = try await run.result()
            #expect(result.status == 130)
            let last = try #require(try result.objects().last)
            try forms.check(last, is: "train: interrupted")
        }

        @Test func models() async throws {
            _ = try await trainModel()
            for object in try await objects("evaluate", "model", "text.txt", "--json") {
                try forms.check(object, is: "evaluate")
            }
            for object in try await objects("evaluate", "model", "text.txt", "--per-line", "--json") {
                try forms.check(object, is: "evaluate --per-line")
            }
            for (options, events) in [
                (["--length", "20"], ["piece", "finished"]), (["--samples", "2"], ["sample"]),
                (["--beam", "2", "--length", "5"], ["hypothesis"]), (["--complete", "2"], ["completion"]),
            ] as [([String], Set<String>)] {
                let result = try await Unroll.run(
                    ["generate", "model", "--prompt", "the tim", "--json"] + options, in: folder)
                #expect(try checkEvents(result.objects(), of: "generate") == events)
            }
            for object in try await objects("export", "model", "--format", "onnx", "--json") {
                try forms.check(object, is: "export")
            }
            for (command, folders) in [
                ("info", ["model", "model/best", "model/checkpoints/step-000001"]), ("report", ["model"]),
            ] {
                for name in folders where FileManager.default.fileExists(atPath: folder(name).path) {
                    let object = try #require(try await objects(command, name, "--json").first)
                    try forms.check(object, is: command)
                    try forms.check(try #require(object["saved"] as? [String: Any]), is: "saved")
                }
            }
            let imported = try await objects(
                "import", "model/model.safetensors", "--to", "imported", "--vocabulary",
                "model/vocabulary.json",
                "--cell", "tanh", "--json")
            try forms.check(imported[0], is: "import")
            for tensor in try #require(imported[0]["tensors"] as? [[String: Any]]) {
                try forms.check(tensor, is: "import: tensors")
            }
        }

        @Test func quantizedModels() async throws {
            _ = try await trainModel()
            for object in try await objects("quantize", "model", "--text", "text.txt", "--json") {
                try forms.check(object, is: "quantize")
                try forms.check(try #require(object["text"] as? [String: Any]), is: "text")
            }
            for object in try await objects("info", "model-int8", "--text", "text.txt", "--json") {
                try forms.check(object, is: "info")
                try forms.check(try #require(object["text"] as? [String: Any]), is: "text")
            }
        }

        @Test func recipesAndBenchmarks() async throws {
            for object in try await objects("recipe", "list", "--json") {
                try forms.check(object, is: "recipe list")
            }
            try folder.write(englishText, to: "text.txt")
            try folder.write(
                """
                {
                  "title": "Mine", "source": "me", "about": "A trial.",
                  "corpus": {"text": "text.txt", "preprocessing": "none", "tokens": "characters"},
                  "model": {"cell": "tanh", "hiddenSize": 8},
                  "training": {
                    "epochs": 2, "batchSize": 2, "sequenceLength": 4, "optimizer": {"learningRate": 1e30},
                    "maxRecoveries": 0
                  },
                  "seeds": [1], "samples": {"prompts": ["the"], "length": 9},
                  "expected": [{"figure": "perplexity", "of": "worst", "value": 5, "tolerance": 0}]
                }
                """, to: "mine.json")
            let results = try await objects("recipe", "run", "mine.json", "--json")
            let saved = try JSONSerialization.jsonObject(
                with: Data(contentsOf: folder("unroll-recipes/mine-result.json")))
            for object in results + [try #require(saved as? [String: Any])] {
                try forms.check(object, is: "recipe run")
                for setting in try #require(object["settings"] as? [[String: Any]]) {
                    for run in try #require(setting["runs"] as? [[String: Any]]) {
                        try forms.check(run, is: "recipe run: runs")
                    }
                }
            }
            for (workload, form) in [
                ("rnn32", "training"), ("generate-rnn512", "generation"), ("samples-rnn512", "samples"),
                ("int8-lstm512", "int8"), ("first-character", "first-character"),
            ] {
                let object = try #require(
                    try await objects("benchmark", "--workload", workload, "--repeats", "1", "--json").first)
                try forms.check(object, is: "benchmark: \(form)")
            }
        }

        @Test func baselinesArePerplexities() async throws {
            let result = try await trainTinyModel(in: folder, options: ["--validation", "0.2", "--json"])
            let objects = try result.objects()
            let line = try #require(objects.first { $0["event"] as? String == "baselines" })
            let vocabulary = try #require(objects.first?["vocabulary"] as? Double)
            #expect(abs(try #require(line["uniformPerplexity"] as? Double) - vocabulary) < 1e-9)
            #expect(try #require(line["fiveGramPerplexity"] as? Double) > 1)
        }

        /// A perplexity beyond all numbers, in lines and in files, is null and is read again.
        @Test func whatIsNotFiniteIsNull() async throws {
            try await trainTinyModel(in: folder)
            let metrics = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
            let line = metrics.split(separator: "\n")[0]
            let damaged = line.replacing(try Regex(#""perplexity":[0-9.]+"#), with: #""perplexity":null"#)
            try folder.write(
                damaged + "\n" + metrics.split(separator: "\n")[1] + "\n", to: "model/metrics.jsonl")
            let report = try await Unroll.run(["report", "model", "--json"], in: folder)
            #expect(report.status == 0 && report.error == "", "\(report.error)")
            #expect(try report.objects().first?["epochs"] as? Int == 2)
            let resumed = try await Unroll.run(["train", "--resume", "model", "--epochs", "3"], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            // The line was kept.
            #expect(
                try lines(of: "model/metrics.jsonl").map { $0["perplexity"] is NSNull } == [
                    true, false, false,
                ])
        }

        @Test func outputHasNoTextForNumbers() async throws {
            try await trainTinyModel(in: folder)
            // Weights so large that the surprisals of a model exceed what a perplexity can be.
            try await makeModelOverconfident()
            let result = try await Unroll.run(["evaluate", "model", "other.txt", "--json"], in: folder)
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.contains("\"perplexity\":null"), "\(result.output)")
            #expect(!result.output.contains("\"inf\"") && !result.output.contains("\"nan\""))
        }

        /// Multiplies the decoder's bias of one letter in a model that carries no seal.
        private func makeModelOverconfident() async throws {
            try folder.write("eeeeee", to: "other.txt")
            var data = try Data(contentsOf: folder("model/model.safetensors"))
            let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try JSONSerialization.jsonObject(with: data[8..<8 + length])
            var object = try #require(header as? [String: Any])
            object["__metadata__"] = nil
            let bias = try #require(object["decoder.bias"] as? [String: Any])
            let offsets = try #require(bias["data_offsets"] as? [Int])
            // The bias of the unknown token, which the text has not.
            let place = 8 + length + offsets[0]
            withUnsafeBytes(of: Float(1e4)) { data.replaceSubrange(place..<place + 4, with: $0) }
            let json = try JSONSerialization.data(withJSONObject: object)
            let size = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
            try (size + json + data[(8 + length)...]).write(to: folder("model/model.safetensors"))
        }
    }
}
