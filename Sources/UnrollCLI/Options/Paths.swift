import ArgumentParser
import Foundation
import UnrollBase

// Every path of the command line is a value of one of these types, made by the `transform` of its argument, so that all
// commands refuse the same paths in the same words and `-` means the same everywhere.

/// What the paths have in common.
private enum PathRules {
    static let dash = "-"

    /// Checks what no path may be, for an argument that must name a kind of thing, such as "a file".
    ///
    /// The argument parser completes the error with the name of the argument and its value.
    static func check(_ path: String, _ kind: String) throws {
        guard !path.isEmpty else { throw ValidationError("it is empty; name \(kind)") }
        guard !path.allSatisfy(\.isWhitespace) else {
            throw ValidationError("it is white space alone; name \(kind), with ./ before such a name")
        }
        guard path != "~", !path.hasPrefix("~/") else {
            throw ValidationError(
                "the shell has left the ~ as it is; write \"$HOME\(path.dropFirst())\", or ./\(path) for that name"
            )
        }
    }

    /// Refuses a file with a slash after its name, which the system does not find either.
    static func checkSlash(_ path: String) throws {
        guard path.hasSuffix("/"), let end = path.lastIndex(where: { $0 != "/" }) else { return }
        if let status = FileStatus(of: String(path[...end])), status.kind != .folder {
            throw ValidationError("it is a file; leave out the / at its end")
        }
    }
}

/// A place to read once: a file, a folder where the command takes one, a text's name, or `-` for standard input.
struct InputPath: Equatable, CustomStringConvertible {
    /// As it was typed, `-` for standard input.
    let argument: String

    init(_ argument: String) throws {
        try PathRules.check(argument, "a file, or - for standard input")
        try PathRules.checkSlash(argument)
        self.argument = argument
    }

    /// Whether it is `-`; a file of that name is `./-`.
    var isStandardInput: Bool { argument == PathRules.dash }

    /// The name in messages.
    var description: String { isStandardInput ? "standard input" : argument }

    /// The status of what is read; nil if there is nothing.
    var status: FileStatus? {
        isStandardInput ? try? InputFile.standardInput.status() : FileStatus(of: argument)
    }

    /// Refuses to read standard input twice.
    static func check(_ paths: [InputPath?]) throws {
        if paths.count(where: { $0?.isStandardInput == true }) > 1 {
            throw ValidationError(
                "standard input can be read only once; give - once, and files for the others")
        }
    }
}

/// A text that is read more than once, now or when a run is resumed: a file, a folder or a text's name.
struct StoredTextPath: Equatable, CustomStringConvertible {
    let argument: String

    init(_ argument: String) throws {
        try PathRules.check(argument, "a file or a folder")
        guard argument != PathRules.dash else {
            throw ValidationError("standard input can be read only once; save the text in a file")
        }
        try PathRules.checkSlash(argument)
        self.argument = argument
    }

    var description: String { argument }
}

/// A file to write, or `-` or another name of standard output.
struct OutputPath: Equatable, CustomStringConvertible {
    /// As it was typed.
    let argument: String
    let isStandardOutput: Bool

    init(_ argument: String) throws {
        try PathRules.check(argument, "a file, or - for standard output")
        guard !argument.hasSuffix("/") else { throw ValidationError("it is a folder; name a file in it") }
        self.argument = argument
        // To replace the file that standard output leads to would take it away.
        let isSame = StandardStream.output.status.map { status in
            status.kind == .file && FileStatus(of: argument)?.isSameFile(as: status) == true
        }
        isStandardOutput = Self.standardOutput.contains(argument) || isSame == true
    }

    private static let standardOutput: Set = [PathRules.dash, "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]

    var url: URL { URL(fileURLWithPath: argument) }

    /// The name in messages.
    var description: String { isStandardOutput ? "standard output" : argument }

    /// Refuses to write to the file that is read.
    func check(reading input: InputPath) throws {
        let output = isStandardOutput ? StandardStream.output.status : FileStatus(of: argument)
        // A terminal is read and written.
        if let output, output.kind == .file, input.status?.isSameFile(as: output) == true {
            throw Failure("\(self): is read and written at once; name another file to write to")
        }
    }
}

/// A folder: of a model, or for what a command makes.
struct FolderPath: Equatable, CustomStringConvertible {
    let argument: String

    init(_ argument: String) throws {
        try PathRules.check(argument, "a folder")
        guard argument != PathRules.dash else {
            throw ValidationError(
                "standard input and output hold no folder; name a folder, ./- for one called -")
        }
        try PathRules.checkSlash(argument)
        self.argument = argument
    }

    var url: URL { URL(fileURLWithPath: argument, isDirectory: true) }

    var description: String { argument }

    /// The default folder of what is made of the model in this one: in the current folder, by the model's name.
    func derived(_ suffix: String) throws -> FolderPath {
        try FolderPath("\(url.standardizedFileURL.lastPathComponent)-\(suffix)")
    }
}
