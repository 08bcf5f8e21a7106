/// Text in which everything is visible, written as Swift writes it in a literal.
package enum EscapedText {
    /// The escapes of one letter after a backslash.
    package static let letters: [(letter: Unicode.Scalar, scalar: Unicode.Scalar)] = [
        ("n", "\n"), ("t", "\t"), ("r", "\r"), ("\\", "\\"),
    ]

    /// Writes a text in one line from which it can be told exactly.
    ///
    /// A backslash is written as `\\`. What is invisible, looks like a space, moves the cursor or turns the direction of
    /// writing is written as `\n`, `\t`, `\r` or `\u{202E}`.
    package static func encode(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars { append(scalar, to: &result) }
        return result
    }

    /// Writes bytes as a text; a byte that is not part of valid UTF-8 is written as `\xFF`.
    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        var result = ""
        forEachScalar(of: bytes) { scalar, invalid in
            if let scalar {
                append(scalar, to: &result)
            } else {
                for byte in invalid { result += "\\x" + hexadecimal(UInt32(byte), digits: 2) }
            }
        }
        return result
    }

    /// Writes a message, which may quote a text or a name, in one line: as `encode` does, but backslashes stay.
    package static func line(_ message: String) -> String {
        var result = ""
        for scalar in message.unicodeScalars {
            if scalar == "\\" { result += "\\" } else { append(scalar, to: &result) }
        }
        return result
    }

    /// Whether a character stands for itself on a line, as it shows where it is and nothing else.
    package static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            false
        case .spaceSeparator: scalar == " "
        // Among them variation selectors, fillers and the joiner of graphemes.
        default: !scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
        if let escape = letters.first(where: { $0.scalar == scalar }) {
            result += "\\\(escape.letter)"
        } else if isVisible(scalar) {
            result.unicodeScalars.append(scalar)
        } else {
            result += "\\u{\(hexadecimal(scalar.value, digits: 1))}"
        }
    }

    private static func hexadecimal(_ value: UInt32, digits: Int) -> String {
        let number = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(digits - number.count, 0)) + number
    }

    /// Calls `body` with each scalar of bytes, or with nil and the bytes of a maximal invalid subsequence.
    ///
    /// These are the sequences that Unicode recommends to replace by one U+FFFD each (Unicode standard, section 3.9,
    /// "U+FFFD Substitution of Maximal Subparts").
    package static func forEachScalar<Bytes: Collection<UInt8>>(
        of bytes: Bytes, _ body: (_ scalar: Unicode.Scalar?, _ bytes: Bytes.SubSequence) -> Void
    ) {
        var (iterator, parser) = (bytes.makeIterator(), Unicode.UTF8.ForwardParser())
        var rest = bytes[...]
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                body(Unicode.UTF8.decode(encoded), rest.prefix(encoded.count))
                rest = rest.dropFirst(encoded.count)
            case .error(let length):
                body(nil, rest.prefix(length))
                rest = rest.dropFirst(length)
            case .emptyInput:
                return
            }
        }
    }
}
