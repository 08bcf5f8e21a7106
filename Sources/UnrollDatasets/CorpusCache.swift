import Foundation

/// The folder that keeps downloaded texts.
public struct CorpusCache: Sendable, Equatable {
    /// The folder; it need not exist yet.
    public let folder: URL

    /// A cache in this folder.
    public init(folder: URL) {
        self.folder = folder
    }

    /// The cache of the person who runs the program: `unroll/corpora` in `XDG_CACHE_HOME` or else in the folder
    /// where the system keeps a person's caches.
    ///
    /// - Parameter environment: The environment variables to go by.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        folder = Self.home(of: environment).appending(path: "unroll/corpora", directoryHint: .isDirectory)
    }

    private static func home(of environment: [String: String]) -> URL {
        // The XDG specification has a relative path ignored, and an empty one with it.
        if let path = environment["XDG_CACHE_HOME"], path.hasPrefix("/") {
            return URL(filePath: path, directoryHint: .isDirectory)
        }
        #if os(macOS)
            let caches = "Library/Caches"
        #else
            let caches = ".cache"
        #endif
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        return URL(filePath: home, directoryHint: .isDirectory)
            .appending(path: caches, directoryHint: .isDirectory)
    }

    /// Where the text is once it has arrived whole.
    public func file(of entry: CorpusEntry) -> URL {
        folder.appending(path: "\(entry.name).txt", directoryHint: .notDirectory)
    }

    /// Where the text is while it arrives.
    func partialFile(of entry: CorpusEntry) -> URL {
        folder.appending(path: "\(entry.name).part", directoryHint: .notDirectory)
    }

    /// Whether the text is there with the right size and checksum, so that it need not be downloaded.
    public func isPresent(_ entry: CorpusEntry) -> Bool {
        (try? FileFingerprint(of: file(of: entry))) == FileFingerprint(of: entry)
    }
}
