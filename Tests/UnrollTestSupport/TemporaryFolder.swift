import Foundation

/// A folder that is removed with everything in it when the test ends.
package final class TemporaryFolder: Sendable {
    package let url: URL

    package init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("unroll-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    package func callAsFunction(_ name: String) -> URL {
        url.appendingPathComponent(name)
    }

    /// Writes a file.
    package func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: self(name))
    }

    /// Everything that lies in a folder, hidden files too.
    package func names(in name: String = ".") throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: self(name).path))
    }
}
