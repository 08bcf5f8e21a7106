import Foundation
import Testing
import UnrollTestSupport

extension CommandLineTests {
    /// `report`, and what `train` keeps for it.
    @Suite struct ReportCommandTests {
        private let folder: TemporaryFolder

        init() async throws {
            folder = try TemporaryFolder()
            try await trainTinyModel(in: folder, epochs: 3, options: ["--validation", "0.2"])
        }

        private func report(_ arguments: String...) async throws -> Unroll.Result {
            try await Unroll.run(["report"] + arguments, in: folder)
        }

        @Test func aPageIsMadeAndMadeAgain() async throws {
            for _ in 0..<2 {
                let result = try await report("model/")
                #expect(result.status == 0)
                #expect(result.error == "")
                #expect(result.output == "report.html\n")
            }
            let page = try String(contentsOf: folder("report.html"), encoding: .utf8)
            #expect(page.contains("<h1>model</h1>"))
            #expect(page.contains("text.txt"))
            #expect(!page.contains(folder.url.lastPathComponent))
        }

        @Test func aPageIsWrittenThroughALinkAndKeepsItsPermissions() async throws {
            try FileManager.default.createSymbolicLink(
                atPath: folder("link.html").path, withDestinationPath: "page.html")
            for _ in 0..<2 { #expect(try await report("model", "--output", "link.html").status == 0) }
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: folder("page.html").path)
            #expect(try await report("model", "--output", "link.html").status == 0)
            let attributes = try FileManager.default.attributesOfItem(atPath: folder("page.html").path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: folder("link.html").path)
                    == "page.html")
            // A device is no page to replace.
            #expect(try await report("model", "--output", "/dev/null").status == 0)
        }

        @Test func runsAreComparedOnAPageAndInLines() async throws {
            let other = try await Unroll.run(
                ["train", "text.txt", "--output", "other", "--epochs", "40", "--validation", "0.2"]
                    + Unroll.tiny, in: folder)
            #expect(other.status == 0)
            let result = try await report("model", "other", "--json")
            #expect(result.status == 0 && result.error == "")
            let lines = try result.objects()
            #expect(lines.map { $0["model"] as? String } == ["other", "model"])
            #expect(lines.map { $0["epochs"] as? Int } == [40, 3])
            #expect(
                Set(lines[0].keys) == [
                    "model", "parameters", "epochs", "plannedEpochs", "perplexity", "validationPerplexity",
                    "bestPerplexity", "bestEpoch", "bitsPerToken", "seconds", "tokensPerSecond",
                    "saved",
                ])
            let best = try #require(lines[1]["bestPerplexity"] as? Double)
            #expect(try abs(#require(lines[1]["bitsPerToken"] as? Double) - log2(best)) < 1e-12)
            #expect(try !folder.names().contains("report.html"))

            let page = try await report("model", "other", "--output", "both.html")
            #expect(page.output == "both.html\n")
            #expect(try String(contentsOf: folder("both.html"), encoding: .utf8).contains("<h1>2 runs</h1>"))
        }

        @Test func aDamagedRunIsReportedAsFarAsItGoes() async throws {
            let metrics = try String(contentsOf: folder("model/metrics.jsonl"), encoding: .utf8)
            try folder.write(metrics + "{\"epoch\":4,\"perp", to: "model/metrics.jsonl")
            try FileManager.default.removeItem(at: folder("model/model.safetensors"))
            let result = try await report("model", "--json")
            #expect(result.status == 0)
            let notes = result.error.split(separator: "\n")
            #expect(notes.count == 2)
            #expect(notes[0] == "note: model: metrics.jsonl: 1 line cannot be read and is left out")
            #expect(notes[1].hasPrefix("note: model: model.safetensors: no such file"))
            #expect(try result.objects().first?["epochs"] as? Int == 3)
            #expect(try result.objects().first?["parameters"] is NSNull)
        }

        @Test func whatIsNoRunIsNamed() async throws {
            try FileManager.default.createDirectory(
                at: folder("empty"), withIntermediateDirectories: false)
            for (name, reason) in [
                ("nowhere", "no such file or folder"), ("empty", "not the folder of a training run"),
                ("text.txt", "is a file"),
            ] {
                try await expectFailure(
                    ["report", "model", name], status: 1, naming: name, reason, in: folder)
            }
            try await expectFailure(["report"], status: 64, naming: "runs", in: folder)
            try await expectFailure(["report", "model", "model"], status: 64, naming: "twice", in: folder)
            try await expectFailure(
                ["report", "model", "--output", ""], status: 64, naming: "--output", in: folder)
            try await expectFailure(
                ["report", "model", "--output", "text.txt"], status: 1, naming: "text.txt", "--output",
                in: folder)
            try await expectFailure(
                ["report", "model", "--output", "nowhere/report.html"], status: 1, naming: "nowhere",
                in: folder)
        }

        // MARK: TensorBoard

        @Test func eventFilesAreWrittenAndGoOn() async throws {
            let train = ["train", "text.txt", "--output", "b", "--epochs", "2", "--tensorboard", "events"]
            #expect(try await Unroll.run(train + Unroll.tiny, in: folder).status == 0)
            #expect(try folder.names(in: "events").count == 1)
            let resumed = try await Unroll.run(
                ["train", "--resume", "b", "--epochs", "4", "--tensorboard", "events"], in: folder)
            #expect(resumed.status == 0, "\(resumed.error)")
            #expect(try folder.names(in: "events").count == 2)
            #expect(try folder.names(in: "b") == modelFiles.union(runFiles))
        }

        @Test func foldersThatCannotHaveTheEventsAreNamed() async throws {
            let train = ["train", "text.txt", "--epochs", "1"] + Unroll.tiny
            try await expectFailure(
                train + ["--output", "x", "--tensorboard", ""], status: 64, naming: "--tensorboard",
                in: folder)
            let first = try await Unroll.run(
                train + ["--output", "x", "--tensorboard", "events"], in: folder)
            #expect(first.status == 0)
            for (name, reason) in [("events", "another run"), ("text.txt", "cannot be written")] {
                try await expectFailure(
                    train + ["--output", "y", "--tensorboard", name], status: 1, naming: name, reason,
                    in: folder)
            }
        }
    }
}
