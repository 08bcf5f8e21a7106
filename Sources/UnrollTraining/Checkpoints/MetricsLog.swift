import Foundation
import UnrollBase
import UnrollModel

/// `metrics.jsonl`: a line of JSON for each report.
struct MetricsLog {
    static let fileName = "metrics.jsonl"
    private let url: URL

    init(folder: ModelFolder) {
        url = folder.url(of: Self.fileName)
    }

    func append(_ report: EpochReport) throws {
        let line = try JSONEncoder.unroll.encodeWithNulls(report)
        try AtomicFile.append(line: String(decoding: line, as: UTF8.self), to: url)
    }

    /// Waits until the disk has all reports: those before a checkpoint do not come again after a power cut.
    func synchronize() throws {
        try AtomicFile.synchronize(url)
    }

    /// Removes the reports after a position, which will come again.
    func removeReports(after position: TrainingPosition) throws {
        if let data = reports(upTo: position) { try AtomicFile.write(data, to: url) }
    }

    /// The lines up to a position; nil if there is no file that can be read.
    func reports(upTo position: TrainingPosition) -> Data? {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
        let kept = text.split(separator: "\n").filter { line in
            let report = try? JSONDecoder().decode(EpochReport.self, from: Data(line.utf8))
            return report.map(position.includes) ?? false
        }
        return Data(kept.map { $0 + "\n" }.joined().utf8)
    }
}
