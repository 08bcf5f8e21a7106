import UnrollBase

/// The words of command lines that a message proposes.
enum Shell {
    /// A path as the argument of a command, which does not take it for an option.
    static func path(_ path: String) -> String {
        quoted(path.hasPrefix("-") ? "./" + path : path)
    }

    /// A word as a shell reads it, in quotation marks where it needs them.
    static func quoted(_ word: String) -> String {
        let isPlain = word.unicodeScalars.allSatisfy { scalar in
            scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                || "_@%+=:,./-".unicodeScalars.contains(scalar)
        }
        if isPlain, !word.isEmpty { return word }
        guard word.unicodeScalars.allSatisfy(EscapedText.isVisible) else {
            // What is invisible must be written, as shells do between $' and '.
            let bytes = word.unicodeScalars.map { scalar in
                EscapedText.isVisible(scalar) && scalar != "'" && scalar != "\\"
                    ? String(scalar)
                    : String(scalar).utf8.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                        .joined()
            }
            return "$'" + bytes.joined() + "'"
        }
        return "'" + word.replacing("'", with: #"'\''"#) + "'"
    }
}
