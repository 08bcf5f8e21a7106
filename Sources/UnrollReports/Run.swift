import Foundation
import UnrollBase
import UnrollModel
import UnrollText

/// A training run as its folder tells of it.
package struct Run: Sendable {
    /// What to call it, such as its folder as a person has named it.
    package var name: String
    /// The numbers that the model learns, if it can be read.
    package private(set) var parameterCount: Int?
    /// The tokens that the model knows, if it can be read.
    package private(set) var vocabularySize: Int?
    /// What the model is made of.
    package private(set) var model: [Setting] = []
    /// How it is trained, and on what.
    package private(set) var training: [Setting] = []
    package private(set) var metrics: [EpochMetrics] = []
    package private(set) var samples: [SampleRecord] = []
    package private(set) var sessions: [SessionEnvironment] = []
    /// What could not be read.
    package private(set) var notes: [String] = []

    /// Reads what there is to read in a folder.
    ///
    /// - Throws: `ReportError` if there is no such folder, or it is not that of a run.
    package init(contentsOf url: URL, name: String) throws {
        let folder = ModelFolder(url)
        self.name = name
        try folder.check()
        let hasFile = { FileManager.default.fileExists(atPath: folder.url(of: $0).path) }
        guard hasFile(Setting.File.training.rawValue) || hasFile(EpochMetrics.fileName) else {
            throw ReportError.notARun(path: url.relativePath)
        }
        read(in: folder) { run in
            run.model = try Setting.settings(in: .model, of: folder)
        }
        read(in: folder) { run in
            run.training = try Setting.settings(in: .training, of: folder)
        }
        read(in: folder) { run in
            run.metrics = try run.lines(of: EpochMetrics.fileName, in: folder)
        }
        read(in: folder) { run in
            run.samples = try run.lines(of: SampleRecord.fileName, in: folder)
        }
        read(in: folder) { run in
            run.sessions = try EnvironmentFile(of: folder)?.sessions ?? []
        }
        read(in: folder) { run in
            let model = try folder.model()
            run.parameterCount = model.parameters.scalarCount
            run.vocabularySize = model.vocabulary.count
        }
    }

    /// Reads one thing, and notes why it cannot be read if so: the rest is worth a report.
    private mutating func read(in folder: ModelFolder, _ body: (inout Run) throws -> Void) {
        do {
            try body(&self)
        } catch {
            // The folder is the run's, which has a name.
            notes.append("\(error)".replacing(folder.url.path + "/", with: ""))
        }
    }

    private mutating func lines<Element: Codable>(
        of file: String, in folder: ModelFolder
    ) throws -> [Element] {
        let lines = try JSONLines<Element>(contentsOf: folder.url(of: file))
        if lines.damagedCount > 0 {
            let lines =
                lines.damagedCount == 1
                ? "1 line cannot be read and is" : "\(lines.damagedCount) lines cannot be read and are"
            notes.append("\(file): \(lines) left out")
        }
        return lines.elements
    }
}
