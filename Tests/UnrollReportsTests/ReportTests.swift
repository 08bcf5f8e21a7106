import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollReports
import UnrollTestSupport

@Suite struct ReportTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Writes the folder of a run without a model.
    private func makeRun(
        _ name: String, metrics: [String] = [], samples: [String] = [], training: String? = nil
    ) throws -> Run {
        try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
        try folder.write(metrics.map { $0 + "\n" }.joined(), to: "\(name)/metrics.jsonl")
        try folder.write(samples.map { $0 + "\n" }.joined(), to: "\(name)/samples.jsonl")
        if let training { try folder.write(training, to: "\(name)/training.json") }
        return try run(name)
    }

    private func run(_ name: String) throws -> Run {
        try Run(contentsOf: folder(name), name: name)
    }

    private func page(_ runs: Run...) -> PageReader {
        let page = PageReader(Report(runs).html)
        #expect(page.isWellFormed)
        return page
    }

    // MARK: One run

    @Test func aPageSaysWhatCameOfARun() async throws {
        try await TestRuns.run(try TestRuns.trainer(epochs: 4), in: folder("model"))
        let run = try run("model")
        #expect(run.notes.isEmpty)
        let page = page(run)
        #expect(page.elements.count { $0 == "svg" } == 2)
        #expect(page.cell(after: "model") == "tanh, 8")
        #expect(page.cell(after: "text") == "story.txt")
        #expect(page.cell(after: "epochs") == "4")
        let best = try #require(run.metrics.compactMap(\.validationPerplexity).min())
        #expect(
            page.cell(after: "best validation perplexity")?.hasPrefix(String(format: "%.3f at", best)) == true
        )
        #expect(
            page.cell(after: "best bits per character") == String(format: "%.3f", log2(best)))
        #expect(page.cell(after: "optimizer.learningRate") == "1")
        #expect(page.cell(after: "Unroll") == "1.2.3")
        #expect(run.samples.count == 3)
        for sample in run.samples { #expect(page.cells.contains(sample.prompt + sample.text)) }
        // One file: nothing is fetched, nothing runs.
        let html = Report([run]).html
        for word in ["<script", "<link", "<img", "src=", "url(", "@import", folder.url.path, "/somewhere"] {
            #expect(!html.contains(word), "\(word)")
        }
        #expect(html == Report([run]).html)
    }

    @Test func textsOfFilesAreTexts() throws {
        let text = #"<script>alert(\"x\")</script> & \u0000\u0007\u001b[31m\u0085\u202e\uffff</td>'"#
        let run = try makeRun(
            "<b>run", metrics: [#"{"epoch":1,"perplexity":8}"#],
            samples: [#"{"epoch":1,"prompt":"<i>","text":"\#(text)"}"#],
            training:
                #"{"options":{"<script>":"</style><script>"},"corpus":{"sources":["/x/<svg onload=f()>"]}}"#)
        let page = page(run)
        #expect(!page.elements.contains("script") && !page.elements.contains("i"))
        #expect(page.cells.contains("<i><script>alert(\"x\")</script> & ␀␇␛[31m\u{FFFD}</td>'"))
        #expect(page.cell(after: "<script>") == "</style><script>")
        #expect(page.cell(after: "text") == "<svg onload=f()>")
        #expect(!Report([run]).html.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    }

    @Test func foldersOfTextsAreNobodysBusiness() throws {
        let run = try makeRun(
            "model",
            training: """
                {"corpus":{"sources":["/home/me/a.txt","/home/me/b.txt","c.txt"],\
                "validationSource":"/home/me/d.txt","testSource":"/home/me/e.txt"}}
                """)
        #expect(page(run).cell(after: "text") == "a.txt, b.txt, c.txt")
        #expect(page(run).cell(after: "corpus.validationSource") == "d.txt")
        #expect(page(run).cell(after: "corpus.testSource") == "e.txt")
        #expect(!Report([run]).html.contains("/home"))
    }

    @Test func aRunWithoutMetricsSaysSo() throws {
        let run = try makeRun("model", training: #"{"options":{"epochs":5}}"#)
        let page = page(run)
        #expect(page.text.contains("No epoch is done yet"))
        #expect(page.cell(after: "epochs") == "0 of 5")
        #expect(!page.elements.contains("svg"))
    }

    @Test func aRunThatGoesOnSaysHowFarItIs() throws {
        let run = try makeRun(
            "model", metrics: [#"{"epoch":1,"perplexity":8}"#, #"{"epoch":2,"perplexity":6.5}"#],
            training: #"{"options":{"epochs":50}}"#)
        let page = page(run)
        #expect(page.cell(after: "epochs") == "2 of 50")
        #expect(page.cell(after: "best training perplexity") == "6.500 at epoch 2")
        #expect(page.text.contains("has not done all of its epochs"))
    }

    @Test func reportsInsideEpochsLieBetweenThem() throws {
        let run = try makeRun(
            "model",
            metrics: [
                #"{"epoch":1,"perplexity":9,"step":10}"#,
                #"{"epoch":2,"partOfEpoch":0.5,"perplexity":8,"step":15}"#,
            ], samples: [#"{"epoch":1,"prompt":"a","text":"b"}"#],
            training: #"{"options":{"epochs":3}}"#)
        #expect(run.completedEpochs == 1)
        #expect(page(run).text.contains("training: from 9 at 1 to 8 at 1.5."))
        #expect(page(run).cell(after: "epochs") == "1 of 3")
    }

    @Test(arguments: [
        "", "{", "nonsense", "[]", "null", #"{"epoch":1}"#, #"{"epoch":1e400,"perplexity":2}"#,
        #"{"epoch":"1","perplexity":2}"#,
    ])
    func damagedLinesAreLeftOutAndCounted(line: String) throws {
        let run = try makeRun(
            "model", metrics: [#"{"epoch":1,"perplexity":8}"#, line], samples: [line])
        #expect(run.metrics.count == 1)
        let page = page(run)
        #expect(page.text.contains("metrics.jsonl: 1 line cannot be read") != line.isEmpty)
    }

    @Test(arguments: ["0", "-1", "1e308", "1e-300", "1"])
    func oddNumbersDoNoHarm(number: String) throws {
        let line = """
            {"epoch":9223372036854775807,"perplexity":\(number),"validationPerplexity":\(number),\
            "gradientNorm":\(number),"learningRate":\(number),"tokensPerSecond":\(number),"seconds":\(number)}
            """
        _ = page(try makeRun("model", metrics: [line, line.replacing("9223372036854775807", with: "-5")]))
        _ = page(try makeRun("a", metrics: [line]), try makeRun("b", metrics: []))
    }

    @Test(arguments: [
        "config.json", "training.json", "vocabulary.json", "model.safetensors", "environment.json",
    ])
    func damagedFilesAreNamed(name: String) async throws {
        try await TestRuns.run(try TestRuns.trainer(epochs: 1), in: folder("model"))
        for text in ["", "{", "[1]", "\u{0}\u{1}"] {
            try folder.write(text, to: "model/\(name)")
            let run = try run("model")
            #expect(run.notes.contains { $0.hasPrefix("\(name): ") }, "\(run.notes)")
            #expect(page(run).text.contains("\(name): "))
            #expect(run.metrics.count == 1)
        }
    }

    @Test func aFolderThatIsNoRunIsRefused() throws {
        try FileManager.default.createDirectory(at: folder("empty"), withIntermediateDirectories: false)
        try folder.write("{}", to: "empty/config.json")
        #expect(throws: ReportError.notARun(path: folder("empty").relativePath)) { try run("empty") }
        #expect(throws: FileError.notFound(path: folder("nowhere").path)) {
            try run("nowhere")
        }
        try folder.write("", to: "file")
        #expect(throws: ModelFolderError.notAFolder(path: folder("file").path)) { try run("file") }
    }

    // MARK: Several runs

    @Test func runsAreComparedTheBestFirst() throws {
        func training(_ size: Int) -> String {
            #"{"options":{"batchSize":\#(size),"seed":0},"corpus":{"sources":["a.txt"]}}"#
        }
        let runs = [
            try makeRun("x/trained", metrics: [#"{"epoch":1,"perplexity":1.5}"#], training: training(8)),
            try makeRun("none", training: training(8)),
            try makeRun(
                "good",
                metrics: [
                    #"{"epoch":1,"perplexity":9,"validationPerplexity":4}"#,
                    #"{"epoch":2,"perplexity":8,"validationPerplexity":5}"#,
                ], training: training(16)),
            try makeRun(
                "best", metrics: [#"{"epoch":1,"perplexity":20,"validationPerplexity":3}"#],
                training: training(8)),
        ]
        #expect(Run.ranked(runs).map(\.name) == ["best", "good", "x/trained", "none"])
        #expect(runs[2].best?.epoch == 1 && runs[2].best?.perplexity == 4)
        #expect(runs[2].final?.epoch == 2 && runs[2].final?.perplexity == 5)

        let page = PageReader(Report(runs).html)
        #expect(page.isWellFormed)
        let start = try #require(page.cells.firstIndex(of: "setting"))
        #expect(
            page.cells[start..<start + 11] == [
                "setting", "best", "good", "trained", "none", "batchSize", "8", "16", "8", "8", "model",
            ])
        #expect(page.text.contains("trained (training)"))
        #expect(!page.text.contains("do not compare"))
        #expect(page.elements.count { $0 == "section" } == 4)
    }

    @Test func runsOnDifferentTextsAreNotedAsSuch() throws {
        let line = #"{"epoch":1,"perplexity":9}"#
        let first = try makeRun("a", metrics: [line], training: #"{"corpus":{"sources":["a.txt"]}}"#)
        let second = try makeRun("b", metrics: [line], training: #"{"corpus":{"sources":["b.txt"]}}"#)
        #expect(page(first, second).text.contains("do not compare"))
        #expect(
            page(first, try makeRun("c", metrics: [line], training: #"{"corpus":{"sources":["a.txt"]}}"#))
                .text.contains("The runs have the same configuration."))
    }

    @Test func runsOfOneNameAreKnownByTheirPaths() throws {
        let line = #"{"epoch":1,"perplexity":9}"#
        let page = page(try makeRun("a/model", metrics: [line]), try makeRun("b/model", metrics: [line]))
        #expect(page.cells.contains("a/model") && page.cells.contains("b/model"))
    }

    // MARK: The file

    @Test func onlyReportsAreReplaced() throws {
        let report = Report([try makeRun("model", metrics: [#"{"epoch":1,"perplexity":9}"#])])
        try report.write(to: folder("new.html"))
        try report.write(to: folder("new.html"))
        #expect(try String(contentsOf: folder("new.html"), encoding: .utf8) == report.html)
        for text in ["", "<!DOCTYPE html>\n<p>mine</p>"] {
            try folder.write(text, to: "mine.html")
            #expect(throws: ReportError.exists(path: folder("mine.html").relativePath, kind: "report")) {
                try report.write(to: folder("mine.html"))
            }
        }
        #expect(throws: FileError.self) { try report.write(to: folder("nowhere/report.html")) }
    }
}
