import Crypto
import Foundation

/// What tells one file from another: its size and its checksum.
package struct FileFingerprint: Equatable {
    let byteCount: Int
    package let sha1: String

    /// The fingerprint that a text should have.
    init(of entry: CorpusEntry) {
        byteCount = entry.byteCount
        sha1 = entry.sha1
    }

    /// The fingerprint of a file as it is, read a piece at a time.
    package init(of file: URL) throws {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        var byteCount = 0
        // SHA-1 guards against accidents, not against malice; it is the checksum that the texts' sources publish.
        var hash = Insecure.SHA1()
        while let piece = try handle.read(upToCount: 1 << 16), !piece.isEmpty {
            byteCount += piece.count
            hash.update(data: piece)
        }
        self.byteCount = byteCount
        sha1 = hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
