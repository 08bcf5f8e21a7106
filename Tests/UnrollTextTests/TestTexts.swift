import Foundation
import UnrollBase

/// Texts that tests share.
enum TestTexts {
    static let corpora = ProcessInfo.processInfo.environment["UNROLL_CORPORA"]

    static let timeMachine = corpora.map {
        URL(fileURLWithPath: $0).appendingPathComponent("timemachine.txt")
    }
    static let shakespeare = corpora.map {
        URL(fileURLWithPath: $0).appendingPathComponent("tinyshakespeare.txt")
    }

    private static let fragments = [
        "a", "b", "Z", "The", "the", "e\u{301}", "\u{E9}", "İ", "ẞ", "Ⱥ", "Привет", "мир", "Ж", "你好", "世",
        "😀",
        "👨‍👩‍👧", " ", " ", " ", "  ", "\n", "\r\n", "\t", "\u{B}", "\u{85}", "\u{A0}", "\u{2003}", "\u{3000}",
        "\u{1680}",
        "\u{2028}", "\u{200B}", "\u{FEFF}", "\0", "\u{1C}", "7", ",", ".", "\u{10FFFF}", "\u{7F}",
    ]

    /// A text of fragments that have broken readers, different for every seed.
    static func random(seed: UInt64, fragments count: Int) -> String {
        var random = RandomSource(seed: seed, purpose: .generation)
        var text = ""
        for _ in 0..<count {
            let fragment = fragments[random.integer(below: fragments.count)]
            // Long runs reach over the pieces that a text is read in.
            let isLong = random.integer(below: 2_000) == 0
            text += String(repeating: fragment, count: isLong ? 20_000 : 1)
        }
        return text
    }

    /// Makes a file that is deleted after use.
    static func withFile(_ bytes: [UInt8], _ body: (URL) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "unroll-\(UUID().uuidString).txt")
        try Data(bytes).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url)
    }
}

/// The error of a parameter that is not in its range.
func outOfRange(_ parameter: String, _ value: String, _ allowed: String) -> ParameterError {
    .outOfRange(parameter: parameter, value: value, allowed: allowed)
}
