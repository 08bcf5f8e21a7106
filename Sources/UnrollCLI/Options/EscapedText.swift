import ArgumentParser

/// A text of the command line in which a backslash begins what cannot be typed.
enum EscapedText {
    /// The characters that a letter after a backslash stands for.
    private static let escapes: [Character: Character] = [
        "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "\"": "\"", "'": "'",
    ]

    /// Writes a text in one line, as it could be typed.
    static func encode(_ text: String) -> String {
        ["\\", "n", "t", "r"].reduce(text) { text, letter in
            text.replacing(escapes[letter].map(String.init) ?? "", with: "\\\(letter)")
        }
    }

    /// Reads `\n`, `\t`, `\r`, `\\`, `\"`, `\'` and `\u{1F600}`.
    ///
    /// - Throws: `ValidationError` when something else follows a backslash.
    static func decode(_ text: String, of flag: String) throws -> String {
        var result = ""
        var rest = Substring(text)
        while let backslash = rest.firstIndex(of: "\\") {
            result += rest[..<backslash]
            rest = rest[backslash...].dropFirst()
            if let character = rest.first.flatMap({ escapes[$0] }) {
                result.append(character)
                rest.removeFirst()
            } else if rest.hasPrefix("u{"), let end = rest.firstIndex(of: "}"),
                let scalar = UInt32(rest[..<end].dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
            {
                result.unicodeScalars.append(scalar)
                rest = rest[end...].dropFirst()
            } else {
                throw ValidationError(
                    "\(flag) has '\\\(rest.prefix(1))', which stands for nothing; write \\\\ for a backslash, or "
                        + "give --no-escape")
            }
        }
        return result + rest
    }
}
