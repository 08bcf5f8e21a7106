import Foundation
import Synchronization
import Testing

/// Compiles C and C++ texts to shared libraries that a test loads.
package enum SharedLibraryCompiler {
    /// Whether there is a compiler of C and of C++.
    package static let isAvailable = compiler(of: "c") != nil && compiler(of: "c++") != nil

    /// What went wrong, with the compiler's messages.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Compiles a text, or finds it compiled by this process.
    ///
    /// - Parameters:
    ///   - text: The complete source.
    ///   - language: "c" or "c++".
    ///   - options: More options of the compiler, such as "-std=c++20".
    /// - Returns: The library, in a folder that is removed when the process ends.
    /// - Throws: `Failure`, or an error of Foundation.
    package static func compile(_ text: String, language: String, options: [String] = []) throws -> URL {
        let key = [language, text] + options
        // One at a time, so that two tests never compile the same text.
        return try libraries.withLock { libraries in
            if let library = libraries[key] { return library }
            let library = try compile(text, language: language, options: options, number: libraries.count)
            libraries[key] = library
            return library
        }
    }

    /// Copies a library to a place of its own, where the loader takes it for another with variables of its own.
    package static func copy(of library: URL) throws -> URL {
        let copy = folder.appending(path: "\(UUID().uuidString).so")
        try FileManager.default.copyItem(at: library, to: copy)
        return copy
    }

    private static let libraries = Mutex<[[String]: URL]>([:])

    /// Where the libraries of this process are.
    private static let folder: URL = {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "unroll-libraries-\(UUID().uuidString)", directoryHint: .isDirectory)
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(at: SharedLibraryCompiler.folder) }
        return folder
    }()

    private static func compile(
        _ text: String, language: String, options: [String], number: Int
    ) throws -> URL {
        guard let compiler = compiler(of: language) else {
            throw Failure(description: "no compiler of \(language)")
        }
        let source = folder.appending(path: "\(number).\(language == "c" ? "c" : "cpp")")
        let (library, log) = (folder.appending(path: "\(number).so"), folder.appending(path: "\(number).log"))
        try Data(text.utf8).write(to: source)
        try Data().write(to: log)
        let process = Process()
        process.executableURL = compiler
        process.arguments = ["-shared", "-fPIC", "-pthread", "-o", library.path] + options + [source.path]
        process.standardInput = FileHandle.nullDevice
        // A file, as a pipe would have to be read while the compiler runs.
        let messages = try FileHandle(forWritingTo: log)
        process.standardOutput = messages
        process.standardError = messages
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let text = try String(contentsOf: log, encoding: .utf8)
            throw Failure(description: "\(compiler.path) failed:\n\(text)")
        }
        return library
    }

    /// The toolchain's own compiler, or else the system's.
    package static func compiler(of language: String) -> URL? {
        let names = language == "c" ? ["clang", "cc"] : ["clang++", "c++"]
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map {
            URL(filePath: String($0), directoryHint: .isDirectory)
        }
        let toolchains = path.map { $0.appending(path: "swift") }
            .filter { FileManager.default.isExecutableFile(atPath: $0.path) }
            .map { $0.resolvingSymlinksInPath().deletingLastPathComponent() }
        let places = names.prefix(1).flatMap { name in toolchains.map { $0.appending(path: name) } }
        return (places + names.flatMap { name in path.map { $0.appending(path: name) } })
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}

extension Trait where Self == ConditionTrait {
    /// Runs a test only where C and C++ can be compiled.
    package static var needsCompiler: Self {
        .enabled(if: SharedLibraryCompiler.isAvailable, "there is no C compiler beside swift or on PATH")
    }
}
