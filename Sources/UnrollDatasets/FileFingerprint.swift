import Foundation
import UnrollBase

/// What tells one file from another: its size and its checksum.
package struct FileFingerprint: Equatable {
    let byteCount: Int
    package let sha256: String

    /// The fingerprint that a text should have.
    init(of entry: CorpusEntry) {
        byteCount = entry.byteCount
        sha256 = entry.sha256
    }

    /// The fingerprint of a file as it is, read a piece at a time.
    package init(of file: URL) throws {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        var byteCount = 0
        var hash = SHA256()
        while let piece = try handle.read(upToCount: 1 << 16), !piece.isEmpty {
            byteCount += piece.count
            piece.withUnsafeBytes { hash.update($0) }
        }
        self.byteCount = byteCount
        sha256 = Checksum.hexadecimal(hash.finalize())
    }
}
