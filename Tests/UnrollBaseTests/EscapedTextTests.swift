import Testing
import UnrollBase

@Suite struct EscapedTextTests {
    @Test(arguments: [
        ("the lamp, ä 漢字 😀", "the lamp, ä 漢字 😀"), ("a\tb\nc\r", #"a\tb\nc\r"#), (#"a\tb"#, #"a\\tb"#),
        ("\u{1B}[31m", #"\u{1B}[31m"#), ("a\u{202E}b\u{2066}c", #"a\u{202E}b\u{2066}c"#),
        ("a\u{200B}b\u{FEFF}", #"a\u{200B}b\u{FEFF}"#),
        ("\u{2028}\u{2029}\u{85}", #"\u{2028}\u{2029}\u{85}"#),
        ("\u{E0041}", #"\u{E0041}"#), ("❤\u{FE0F}", #"❤\u{FE0F}"#), ("a\u{A0}b", #"a\u{A0}b"#),
        ("\u{3164}\u{34F}\u{AD}", #"\u{3164}\u{34F}\u{AD}"#), ("\u{E000}\u{378}", #"\u{E000}\u{378}"#),
        ("\u{FFFD}", "\u{FFFD}"), ("\0\u{7F}", #"\u{0}\u{7F}"#),
    ])
    func whatIsInvisibleIsWritten(text: String, written: String) {
        #expect(EscapedText.encode(text) == written)
        #expect(EscapedText.encode(Array(text.utf8)) == written)
        #expect(EscapedText.line(text) == written.replacing(#"\\"#, with: #"\"#))
    }

    /// The examples of the Unicode standard, tables 3-8 to 3-11, where U+FFFD stands for each maximal subpart.
    @Test(
        arguments: [
            ([0xC0, 0xAF, 0xE0, 0x80, 0xBF, 0xF0, 0x81, 0x82, 0x41], [1, 1, 1, 1, 1, 1, 1, 1, -1]),
            ([0xED, 0xA0, 0x80, 0xED, 0xBF, 0xBF, 0xED, 0xAF, 0x41], [1, 1, 1, 1, 1, 1, 1, 1, -1]),
            ([0xF4, 0x91, 0x92, 0x93, 0xFF, 0x41, 0x80, 0xBF, 0x42], [1, 1, 1, 1, 1, -1, 1, 1, -1]),
            ([0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41], [2, 1, 3, 2, -1]),
        ] as [([UInt8], [Int])])
    func invalidBytesAreThoseThatUnicodeReplaces(bytes: [UInt8], lengths: [Int]) {
        var found: [Int] = []
        EscapedText.forEachScalar(of: bytes) { scalar, part in
            found.append(scalar == nil ? part.count : -part.count)
        }
        #expect(found == lengths)
        #expect(EscapedText.encode(bytes).split(separator: "\\").count >= lengths.filter { $0 > 0 }.count)
    }

    /// The bytes that an escaped text stands for.
    private func decode(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\", let letter = rest.popFirst() else {
                bytes += Array(String(scalar).utf8)
                continue
            }
            switch letter {
            case "n": bytes.append(0x0A)
            case "t": bytes.append(0x09)
            case "r": bytes.append(0x0D)
            case "x":
                bytes.append(UInt8(String(rest.prefix(2)), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            case "u":
                let digits = String(rest.dropFirst().prefix { $0 != "}" })
                let value = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init) ?? "?"
                bytes += Array(String(value).utf8)
                rest = rest.dropFirst(digits.count + 2)
            default: bytes += Array(String(letter).utf8)
            }
        }
        return bytes
    }

    @Test func theBytesCanBeTold() {
        var random = RandomSource(seed: 3, purpose: .generation)
        let fragments: [[UInt8]] =
            [
                [0x5C], [0x78, 0x46, 0x46], [0xFF], [0xC3], [0xA9], [0xE2, 0x80], [0xAE], [0x20], [0x6E],
                [0x0A],
            ]
            + ["\u{202E}", "ä", "é\u{301}", "\u{FFFD}", "u{1B}", "\u{1B}"].map { Array($0.utf8) }
        for _ in 0..<2_000 {
            let bytes = (0..<random.integer(below: 12)).flatMap { _ in
                fragments[random.integer(below: fragments.count)]
            }
            let text = EscapedText.encode(bytes)
            #expect(decode(text) == bytes, "\(bytes)")
            #expect(text.unicodeScalars.allSatisfy(EscapedText.isVisible))
        }
    }
}

@Suite struct SuggestionTests {
    private let flags = [
        "alpha", "batch", "hidden", "learning-rate", "temperature", "top-k", "top-p", "tokens", "epochs",
    ]

    @Test(arguments: [
        ("temp", "temperature"), ("learn", "learning-rate"), ("batch-size", "batch"),
        ("hidden-size", "hidden"),
        ("epoch", "epochs"), ("top-q", "top-k"), ("tokns", "tokens"), ("TEMP", "temperature"),
        ("learing-rate", "learning-rate"),
    ])
    func aBeginningIsLikelierThanAFewMistakes(typed: String, meant: String) {
        #expect(Suggestion.likeliest(for: typed, among: flags) == meant)
    }

    @Test func nothingLikelyIsNotSaid() {
        #expect(Suggestion.likeliest(for: "frobnicate", among: flags) == nil)
        #expect(Suggestion.likeliest(for: "trian", among: ["train", "generate"]) == "train")
        #expect(Suggestion.likeliest(for: "temp", among: ["help", "test", "top-p"]) == nil)
        #expect(Suggestion.likeliest(for: "a", among: []) == nil)
    }
}
