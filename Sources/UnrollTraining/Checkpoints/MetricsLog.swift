import Foundation
import UnrollBase
import UnrollModel

/// `metrics.jsonl`: a line of JSON for each report.
struct MetricsLog {
    private let url: URL

    init(folder: ModelFolder) {
        url = folder.url(of: "metrics.jsonl")
    }

    func append(_ report: EpochReport) throws {
        let encoder = JSONEncoder.unroll
        try AtomicFile.append(line: String(decoding: try encoder.encode(report), as: UTF8.self), to: url)
    }

    /// Waits until the disk has all reports: those before a checkpoint do not come again after a power cut.
    func synchronize() throws {
        try AtomicFile.synchronize(url)
    }

    /// Removes the reports after a position, which will come again.
    func removeReports(after position: TrainingPosition) throws {
        guard let text = try? String(contentsOf: url, encoding: .utf8) else { return }
        let kept = text.split(separator: "\n").filter { line in
            let report = try? JSONDecoder().decode(EpochReport.self, from: Data(line.utf8))
            return report.map(position.includes) ?? false
        }
        try AtomicFile.write(Data(kept.map { $0 + "\n" }.joined().utf8), to: url)
    }
}
