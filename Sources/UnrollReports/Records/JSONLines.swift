import Foundation
import UnrollBase
import UnrollModel

/// A file with one JSON value per line.
struct JSONLines<Element: Codable> {
    /// The values of the lines that could be read.
    let elements: [Element]
    /// The number of lines that could not.
    let damagedCount: Int

    /// Reads a file.
    ///
    /// One that is not there has no lines.
    ///
    /// - Throws: `FileError.unreadable`.
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
    ///
    /// - Throws: `FileError`.
    static func append(_ element: Element, to url: URL) throws {
        try AtomicFile.append(line: try line(element), to: url)
    }

    /// Replaces a file by one of these lines.
    ///
    /// - Throws: `FileError`.
    static func write(_ elements: [Element], to url: URL) throws {
        try AtomicFile.write(Data(try elements.map { try line($0) + "\n" }.joined().utf8), to: url)
    }

    private static func line(_ element: Element) throws -> String {
        String(decoding: try JSONEncoder.unroll.encode(element), as: UTF8.self)
    }
}
