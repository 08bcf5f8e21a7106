import ArgumentParser
import Foundation
import Unroll

/// What the model reads first.
struct PromptOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "What the model reads first.")
    var prompt: String?

    @Option(
        help: """
            A file with what the model reads first, or - for standard input; a newline at its end is left out.
            """,
        completion: .file())
    var promptFile: String?

    @Flag(help: #"Take \n, \t, \\, \" and \u{1F600} as they stand in --prompt, --stop and --ban."#)
    var noEscape = false

    /// Checks what can be checked without reading anything.
    func validate() throws {
        if (prompt == nil) == (promptFile == nil) {
            throw ValidationError("give the prompt with either --prompt TEXT or --prompt-file FILE")
        }
        if let prompt { _ = try decoded(prompt, of: "--prompt") }
    }

    /// The text of an option, escapes replaced.
    func decoded(_ text: String, of flag: String) throws -> String {
        noEscape ? text : try EscapedText.decode(text, of: flag)
    }

    /// The prompt, read from wherever it is.
    func text() throws -> String {
        if let prompt { return try decoded(prompt, of: "--prompt") }
        let file = promptFile ?? CorpusReader.standardInput
        let isStandardInput = file == CorpusReader.standardInput
        let name = isStandardInput ? "standard input" : file
        let data = try isStandardInput ? CorpusReader.standardInputBytes() : contents(of: file)
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Failure("\(name): the prompt is not valid UTF-8; convert it to UTF-8")
        }
        return ["\n", "\r\n"].contains(text.last) ? String(text.dropLast()) : text
    }

    private func contents(of file: String) throws -> Data {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
            throw TextError.fileNotFound(file: file)
        }
        guard !isFolder.boolValue else { throw TextError.isDirectory(file: file) }
        do {
            // Pipes, too, such as those that shells write as <(…).
            return try FileHandle(forReadingFrom: URL(fileURLWithPath: file)).readToEnd() ?? Data()
        } catch {
            throw TextError.unreadable(file: file, reason: SystemError.reason(of: error))
        }
    }
}

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
