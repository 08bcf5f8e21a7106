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
        completion: .file(), transform: InputPath.init)
    var promptFile: InputPath?

    @OptionGroup
    var escapes: EscapeOptions

    /// Checks what can be checked without reading anything.
    func validate() throws {
        if (prompt == nil) == (promptFile == nil) {
            throw ValidationError("give the prompt with either --prompt TEXT or --prompt-file FILE")
        }
        if let prompt { _ = try escapes.decoded(prompt, of: "--prompt") }
    }

    /// The prompt, read from wherever it is.
    func text() throws -> String {
        guard let promptFile else { return try escapes.decoded(prompt ?? "", of: "--prompt") }
        let data =
            try promptFile.isStandardInput
            ? CorpusReader.standardInputBytes() : contents(of: promptFile.argument)
        let bytes = [UInt8](data)
        let start = try bytes.withUnsafeBufferPointer { try $0.textStart(in: "\(promptFile)", at: 0) }
        let text = String(decoding: bytes[start...], as: UTF8.self)
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

/// How texts of the command line are read.
struct EscapeOptions: ParsableArguments {
    @Flag(help: #"Take \n, \t, \\, \" and \u{1F600} in texts that are options as they stand."#)
    var noEscape = false

    /// The text of an option, escapes replaced.
    func decoded(_ text: String, of flag: String) throws -> String {
        noEscape ? text : try EscapedText.decode(text, of: flag)
    }
}

extension EscapedText {
    /// Reads what `encode` writes of a text, and `\"` and `\'` for quotation marks.
    ///
    /// - Throws: `ValidationError` when something else follows a backslash.
    static func decode(_ text: String, of flag: String) throws -> String {
        var result = String.UnicodeScalarView()
        // Scalars, since a mark after an escape would make one character with its last letter.
        var rest = text.unicodeScalars[...]
        while let backslash = rest.firstIndex(of: "\\") {
            result += rest[..<backslash]
            rest = rest[backslash...].dropFirst()
            if let escape = letters.first(where: { $0.letter == rest.first }) {
                result.append(escape.scalar)
                rest.removeFirst()
            } else if let mark = rest.first, mark == "\"" || mark == "'" {
                result.append(mark)
                rest.removeFirst()
            } else if rest.starts(with: "u{".unicodeScalars), let end = rest.firstIndex(of: "}"),
                let scalar = UInt32(String(rest[..<end].dropFirst(2)), radix: 16).flatMap(Unicode.Scalar.init)
            {
                result.append(scalar)
                rest = rest[end...].dropFirst()
            } else {
                throw ValidationError(
                    "\(flag) has '\\\(String(rest.prefix(1)))', which stands for nothing; write \\\\ for a backslash, or "
                        + "give --no-escape")
            }
        }
        return String(result + rest)
    }
}
