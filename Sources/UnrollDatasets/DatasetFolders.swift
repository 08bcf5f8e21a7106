import Foundation
import UnrollBase

/// The folder of downloaded texts.
package struct DatasetCache: Sendable, Equatable {
    /// The folder; it need not exist yet.
    package let folder: URL

    /// A cache in this folder.
    package init(folder: URL) {
        self.folder = folder
    }

    /// The user's cache: `unroll/corpora` in `XDG_CACHE_HOME` or else in the system's folder for caches.
    ///
    /// - Parameter environment: The environment variables. Default: those of this process.
    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        folder = CacheFolder.url(in: environment).appending(path: "corpora", directoryHint: .isDirectory)
    }

    /// The file of a text, whether it is there or not.
    package func file(of dataset: Dataset) -> URL {
        folder.appending(path: dataset.fileName, directoryHint: .notDirectory)
    }

    /// Whether the text is there with the right size and checksum.
    package func contains(_ dataset: Dataset) -> Bool {
        dataset.matches(file(of: dataset))
    }

    /// The file in the place of a text that has other contents; nil if there is none.
    package func otherContents(of dataset: Dataset) -> OtherContents? {
        OtherContents(file(of: dataset), insteadOf: dataset)
    }
}

/// The user's own folder of texts, which the environment variable `UNROLL_CORPORA` names.
package struct DatasetFolder: Sendable {
    /// The folder; nil if there is none.
    package let folder: URL?

    /// The folder that the environment names.
    ///
    /// - Parameter environment: The environment variables. Default: those of this process.
    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        folder = environment["UNROLL_CORPORA"].flatMap { path in
            path.isEmpty ? nil : URL(filePath: path, directoryHint: .isDirectory)
        }
    }

    /// The file with the name of a text that has other contents; nil if there is none.
    package func otherContents(of dataset: Dataset) -> OtherContents? {
        folder.flatMap { OtherContents($0.appending(path: dataset.fileName), insteadOf: dataset) }
    }

    /// The file with the size and the checksum of a text, whatever its name; nil if there is none.
    package func file(of dataset: Dataset) -> URL? {
        guard let folder, let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        else { return nil }
        // In order, so that of two copies it is always the same.
        return names.map { folder.appending(path: $0).resolvingSymlinksInPath() }
            .sorted { $0.path < $1.path }.first(where: dataset.matches)
    }
}

/// A file that has the name of a text, but other contents.
package struct OtherContents: Sendable, Equatable {
    /// The file.
    package let file: URL
    /// The SHA-256 checksum of its contents.
    package let sha256: String

    fileprivate init?(_ file: URL, insteadOf dataset: Dataset) {
        guard FileStatus(of: file.path)?.kind == .file, let contents = try? Data(contentsOf: file) else {
            return nil
        }
        self.file = file
        sha256 = Checksum.sha256(contents)
        if sha256 == dataset.sha256 { return nil }
    }
}

extension Dataset {
    /// Whether a file has the size and the checksum of this text.
    fileprivate func matches(_ file: URL) -> Bool {
        guard let status = FileStatus(of: file.path), status.kind == .file, status.size == byteCount,
            let contents = try? Data(contentsOf: file)
        else { return false }
        return Checksum.sha256(contents) == sha256
    }
}
