import Foundation
import Testing

/// The documentation shows code that is compiled and tested elsewhere.
@Suite struct ArticleTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The text of all files with that extension below a folder.
    private static func texts(in folder: String, extension pathExtension: String) throws -> [String: String] {
        let url = root.appending(path: folder)
        let paths = try #require(FileManager.default.subpaths(atPath: url.path))
        return try paths.filter { $0.hasSuffix(".\(pathExtension)") }.reduce(into: [:]) { texts, path in
            texts[path] = try String(contentsOf: url.appending(path: path), encoding: .utf8)
        }
    }

    @Test func codeInArticlesIsTheExamples() throws {
        // The server is no example: it is there with a trait alone.
        let sources = try Self.texts(in: "Examples", extension: "swift").merging(
            Self.texts(in: "Tests/UnrollServingTests", extension: "swift")
        ) { first, _ in first }
        let articles = try Self.texts(in: "Sources/Unroll/Unroll.docc", extension: "md")
        var blockCount = 0
        for (name, article) in articles {
            for block in article.components(separatedBy: "```swift\n").dropFirst() {
                let code = try #require(block.components(separatedBy: "\n```").first)
                #expect(sources.values.contains { $0.contains(code) }, "\(name): no example has\n\(code)")
                blockCount += 1
            }
        }
        #expect(blockCount >= 9)
    }
}
