import Foundation
import UnrollBase
import UnrollCluster
import UnrollEngine
import UnrollModel

/// What a process of a group is about to compute, as far as bits depend on it.
struct GroupMember {
    /// Each a subject and its value.
    private let facts: [(subject: String, value: String)]

    init(
        engine: any Engine, model: ModelConfiguration, options: TrainingOptions, fingerprint: UInt64,
        checkpoint: TrainingCheckpoint?
    ) throws {
        func json(_ value: some Encodable) throws -> String {
            String(decoding: try JSONEncoder.unroll.encode(value), as: UTF8.self)
        }
        facts = [
            ("text (by its fingerprint)", String(fingerprint, radix: 16)),
            ("engine", engine.description.description),
            ("model", try json(model)),
            ("set of training options", try json(options)),
            ("checkpoint (by its steps)", String(checkpoint?.position.steps ?? 0)),
        ]
    }

    /// Compares all processes with the first; all of them find the same.
    ///
    /// - Throws: `TrainingError.otherProcess`, `ClusterError`.
    func checkAgreement(in group: any ProcessGroup) throws {
        let all = try group.gather(Array(facts.map(\.value).joined(separator: "\n").utf8))
            .map {
                String(decoding: $0, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            }
        for (rank, values) in all.enumerated() {
            for (fact, (value, expected)) in zip(facts, zip(values, all[0])) where value != expected {
                throw TrainingError.otherProcess(
                    rank: rank, subject: fact.subject, value: String(value), expected: String(expected))
            }
        }
    }
}
