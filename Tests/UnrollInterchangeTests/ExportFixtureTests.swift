import Foundation
import Testing
import UnrollGeneration
import UnrollInterchange
import UnrollModel
import UnrollTestSupport

/// What is written today is what other programs have judged.
@Suite struct ExportFixtureTests {
    @Test(arguments: Fixture.names, ExportFormat.allCases)
    func filesAreThoseThatWereJudged(name: String, format: ExportFormat) throws {
        let folder = try TemporaryFolder()
        let names = try Fixture.model(name).export(to: folder("export"), as: format)
        let judged = try Fixture.url("\(name)-\(format.rawValue)")
        #expect(Set(names) == Set(try FileManager.default.contentsOfDirectory(atPath: judged.path)))
        #expect(try folder.names(in: "export") == Set(names))
        for file in names {
            let (written, expected) = (folder("export/\(file)"), judged.appending(path: file))
            #expect(try Data(contentsOf: written) == Data(contentsOf: expected), "\(file)")
        }
    }

    @Test(arguments: Fixture.names)
    func otherProgramsPredictTheSame(name: String) throws {
        let nats = try Fixture.model(name).evaluate(contentsOf: Fixture.url("text.txt")).nats
        let judged = try Fixture.nats(name)
        #expect(Set(judged.keys) == ["step.onnx", "sequence.onnx", "model.pt"])
        for (file, found) in judged { #expect(abs(found / nats - 1) < 1e-5, "\(file)") }
    }
}
