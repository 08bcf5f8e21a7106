import Foundation
import UnrollBase
import UnrollModel

/// A writer of an event file, which TensorBoard reads while it grows.
package struct EventFileWriter: Sendable {
    /// The file of this session.
    ///
    /// Each session of a run has its own in the same folder.
    package let url: URL
    /// Whether this is the first session in the folder.
    package let isFirst: Bool

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - folder: The folder of the run's events, which is made if it is not there.
    ///   - step: The first step of this session if it resumes the run in the folder; nil for a new run.
    /// - Throws: `ReportError` if a new run's folder has the events of another, or it cannot be written.
    package init(in folder: URL, resumingAt step: Int? = nil) throws {
        let others = try Self.files(in: folder, isResumed: step != nil)
        isFirst = others.isEmpty
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw FileError.unwritable(path: folder.path, reason: SystemError.reason(of: error))
        }
        // TensorBoard reads the files of a folder in the order of their names: seconds, then a count. Other writers
        // add the name of the host, which is private.
        let now = Date().timeIntervalSince1970
        let start = "events.out.\(FileSignature.events).\(Int(now)).unroll."
        // TensorBoard takes every start after the first for a restart, and drops earlier events of later steps.
        let events = [
            RunEvent(wallTime: now, step: 0, .fileVersion),
            RunEvent(wallTime: now, step: step ?? 0, .sessionStart),
        ]
        let count = others.count { $0.hasPrefix(start) }
        url = try Self.create(events, in: folder, named: start, from: count)
        // Of new runs that begin at the same time, the one with the first file has the folder.
        if step == nil, let first = try Self.files(in: folder, isResumed: true).min(),
            first < url.lastPathComponent
        {
            FileSystem.discard(url)
            throw ReportError.holdsOtherEvents(path: folder.path)
        }
    }

    /// Creates a file that no other session has; its name ends with the first free number.
    private static func create(
        _ events: [RunEvent], in folder: URL, named start: String, from count: Int
    ) throws(FileError) -> URL {
        let data = events.reduce(Data()) { $0 + $1.record }
        var number = count
        while true {
            let url = folder.appendingPathComponent("\(start)\(number)")
            do throws(SystemError) {
                try FileSystem.create(url, containing: data)
                return url
            } catch {
                guard error.isOccupied else { throw FileError(error, writing: data.count, to: url.path) }
                number += 1
            }
        }
    }

    /// The names of the event files in a folder; none if it is not there.
    ///
    /// - Throws: `ReportError` if it is no folder, or has the events of another run than the one that begins.
    @discardableResult
    static func files(in folder: URL, isResumed: Bool) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
            throw FileError.unwritable(path: folder.path, reason: "not a folder that can be read")
        }
        let files = names.filter { $0.contains(FileSignature.events) }
        guard isResumed || files.isEmpty else { throw ReportError.holdsOtherEvents(path: folder.path) }
        return files
    }

    /// Adds events.
    ///
    /// When there is no room for all of them, none is added.
    package func write(_ events: [RunEvent]) throws {
        try AtomicFile.append(events.reduce(Data()) { $0 + $1.record }, to: url)
    }
}

/// Markdown for TensorBoard's text plugin.
enum Markdown {
    /// Text as a block of code, so that it is shown unchanged.
    static func verbatim(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .map { "    " + $0 }.joined(separator: "\n")
    }

    /// Settings as a table of two columns.
    static func table(_ settings: [Setting]) -> String {
        "| setting | value |\n|---|---|\n"
            + settings.map { "| \(cell($0.name)) | \(cell($0.value)) |\n" }.joined()
    }

    private static func cell(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
            .replacing("\\", with: "\\\\").replacing("|", with: "\\|")
    }
}
