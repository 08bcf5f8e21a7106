import Foundation
import UnrollBase
import UnrollModel

/// A file with a line of JSON for each thing that happened.
struct JSONLines<Element: Codable> {
    /// What could be read.
    let elements: [Element]
    /// How many lines could not.
    let damagedCount: Int

    /// Reads a file; one that is not there has no lines.
    init(contentsOf url: URL) throws {
        let lines: [Substring.UTF8View.SubSequence]
        do {
            guard FileManager.default.fileExists(atPath: url.path) else {
                (elements, damagedCount) = ([], 0)
                return
            }
            lines = String(decoding: try Data(contentsOf: url), as: UTF8.self).utf8
                .split(separator: UInt8(ascii: "\n"))
        } catch {
            throw FileError.unreadable(path: url.path, reason: error.localizedDescription)
        }
        let decoder = JSONDecoder()
        elements = lines.compactMap { try? decoder.decode(Element.self, from: Data($0)) }
        damagedCount = lines.count - elements.count
    }

    /// Adds a line to a file, or creates it.
    static func append(_ element: Element, to url: URL) throws {
        try AtomicFile.append(line: try line(element), to: url)
    }

    /// Replaces a file by one of these lines.
    static func write(_ elements: [Element], to url: URL) throws {
        try AtomicFile.write(Data(try elements.map { try line($0) + "\n" }.joined().utf8), to: url)
    }

    private static func line(_ element: Element) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(element), as: UTF8.self)
    }
}
