import Foundation
import UnrollBase
import UnrollModel

/// Writes an event file, which TensorBoard reads while it grows.
package struct EventFileWriter: Sendable {
    /// The file of this session; each session of a run has one of its own in the same folder.
    package let url: URL
    /// Whether no session before this one has left a file.
    package let isFirst: Bool

    /// Begins a file.
    ///
    /// - Parameters:
    ///   - folder: The run's folder; made if there is none.
    ///   - step: The first step of this session, where it goes on with the run that the folder has; nil for a new run.
    /// - Throws: `ReportError` if a new run's folder has the events of another, or it cannot be written.
    package init(in folder: URL, resumingAt step: Int? = nil) throws {
        let others = try Self.files(in: folder, isResumed: step != nil)
        isFirst = others.isEmpty
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw FileError.unwritable(path: folder.path, reason: error.localizedDescription)
        }
        // TensorBoard reads the files of a folder by the order of their names: seconds, then a count. A host's name,
        // which other writers put there, is nobody's business.
        let now = Date().timeIntervalSince1970
        let start = "events.out.tfevents.\(Int(now)).unroll."
        let count = others.count { $0.hasPrefix(start) }
        url = folder.appendingPathComponent("\(start)\(count)")
        // TensorBoard takes a start for a restart, and takes back what comes after it, only from the second one on.
        try write([
            RunEvent(wallTime: now, step: 0, .fileVersion),
            RunEvent(wallTime: now, step: step ?? 0, .sessionStart),
        ])
    }

    /// The event files that a folder has, none if it is not there yet.
    ///
    /// - Throws: `ReportError` if it is no folder, or has the events of another run than the one that begins.
    @discardableResult
    static func files(in folder: URL, isResumed: Bool) throws -> [String] {
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
            throw FileError.unwritable(path: folder.path, reason: "not a folder that can be read")
        }
        let files = names.filter { $0.contains("tfevents") }
        guard isResumed || files.isEmpty else { throw ReportError.holdsOtherEvents(path: folder.path) }
        return files
    }

    /// Adds events; when there is no room for all of them, none is added.
    package func write(_ events: [RunEvent]) throws {
        try AtomicFile.append(events.reduce(Data()) { $0 + $1.record }, to: url)
    }
}
