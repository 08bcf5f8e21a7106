import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollReports
import UnrollTestSupport

@Suite struct EventFileTests {
    @Test func bytesAreThoseOfTensorBoardsOwnWriter() throws {
        let time = 1_760_000_000.25
        let events = [
            RunEvent(wallTime: time, step: 0, .fileVersion),
            RunEvent(
                wallTime: time, step: 0,
                .text(tag: "configuration", "| setting | value |\n|---|---|\n")),
            RunEvent(
                wallTime: time + 1, step: 1,
                .scalars([.init("perplexity/training", 12.5), .init("loss/training", 0)])),
            RunEvent(
                wallTime: time + 200, step: 200,
                .scalars([.init("perplexity/training", 3e38), .init("gradient_norm", -0.1)])),
            RunEvent(wallTime: time, step: 201, .sessionStart),
            RunEvent(
                wallTime: time + 3e9, step: 3_000_000_000,
                .text(
                    tag: "sample",
                    "    Zeit läuft — 时间 " + String(repeating: "x", count: 200))),
        ]
        let oracle = try #require(
            Bundle.module.url(
                forResource: "tensorboard", withExtension: "tfevents", subdirectory: "Oracles"))
        #expect(events.reduce(Data()) { $0 + $1.record } == (try Data(contentsOf: oracle)))
    }

    @Test func eachSessionHasAFileThatSaysWhereItBegins() throws {
        let folder = try TemporaryFolder()
        let first = try EventFileWriter(in: folder("a/b"))
        try first.write([RunEvent(step: 7, .scalars([.init("x", 0.5)]))])
        let second = try EventFileWriter(in: folder("a/b"), resumingAt: 8)
        try second.write([RunEvent(step: 8, .text(tag: "t", "words"))])
        #expect(first.isFirst && !second.isFirst)
        // TensorBoard reads them in the order of their names.
        #expect(first.url.lastPathComponent < second.url.lastPathComponent)
        #expect(first.url.lastPathComponent.hasPrefix("events.out.tfevents."))
        #expect(try folder.names(in: "a/b").count == 2)

        typealias Event = EventFileReader.Event
        #expect(
            try EventFileReader(first.url).events == [
                Event(version: "brain.Event:2"), Event(isStart: true), Event(step: 7, scalars: ["x": 0.5]),
            ])
        #expect(
            try EventFileReader(second.url).events == [
                Event(version: "brain.Event:2"), Event(step: 8, isStart: true),
                Event(step: 8, texts: ["t": "words"]),
            ])
    }

    @Test func runsAreNotMixed() throws {
        let folder = try TemporaryFolder()
        let path = folder("runs").path
        _ = try EventFileWriter(in: folder("runs"))
        #expect(throws: ReportError.holdsOtherEvents(path: path)) { try EventFileWriter(in: folder("runs")) }
        try folder.write("", to: "file")
        #expect {
            try EventFileWriter(in: folder("file"))
        } throws: { error in
            guard case .unwritable = error as? FileError else { return false }
            return true
        }
    }
}
