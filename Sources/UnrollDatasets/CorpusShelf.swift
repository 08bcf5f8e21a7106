import Foundation

/// A folder of texts that somebody has already, such as a shared one: the environment's `UNROLL_CORPORA`.
public struct CorpusShelf: Sendable {
    /// The folder; nil if there is none.
    public let folder: URL?

    /// The shelf of the person who runs the program.
    ///
    /// - Parameter environment: The environment variables to go by.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        folder = environment["UNROLL_CORPORA"].flatMap { path in
            path.isEmpty ? nil : URL(filePath: path, directoryHint: .isDirectory)
        }
    }

    /// The file that has the size and the checksum of a text, whatever it is called; nil if none has.
    public func file(of entry: CorpusEntry) -> URL? {
        guard let folder,
            let files = try? FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: nil)
        else { return nil }
        // The size of a link is its own.
        let candidates = files.map { $0.resolvingSymlinksInPath() }.filter { file in
            (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize == entry.byteCount
        }
        // In order, so that of two copies it is always the same.
        return candidates.sorted { $0.path < $1.path }.first { file in
            (try? FileFingerprint(of: file)) == FileFingerprint(of: entry)
        }
    }
}
