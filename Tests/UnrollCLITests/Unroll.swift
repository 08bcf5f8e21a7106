import Foundation
import Synchronization
import Testing
import UnrollTestSupport

/// The command `unroll` as a process of its own.
enum Unroll {
    struct Result: Sendable {
        /// The exit code, or the negative number of the signal that ended the process.
        let status: Int32
        let output: String
        let error: String

        /// The lines of standard output.
        var lines: [String] { output.split(separator: "\n").map(String.init) }

        /// The lines of standard output, each as a JSON object.
        func objects() throws -> [[String: Any]] {
            try lines.map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                return try #require(object as? [String: Any], "\(line)")
            }
        }
    }

    /// Where SwiftPM puts executables: beside the tests.
    static let executable: URL = {
        #if os(macOS)
            let bundle = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") } ?? .main
            return bundle.bundleURL.deletingLastPathComponent().appendingPathComponent("unroll")
        #else
            return Bundle.main.bundleURL.appendingPathComponent("unroll")
        #endif
    }()

    /// Small enough to train in a few milliseconds.
    static let tinySizes = ["--hidden", "8", "--batch", "2", "--sequence-length", "4", "--threads", "1"]

    /// The same for a new run, which otherwise would begin by measuring the machine for a plan.
    static let tiny = ["--preset", "book"] + tinySizes

    /// Runs the program to its end.
    static func run(
        _ arguments: [String], input: Data = Data(), environment: [String: String] = [:],
        in folder: TemporaryFolder
    ) async throws -> Result {
        try await start(arguments, input: input, environment: environment, in: folder).result()
    }

    /// Starts the program, or another one, such as a shell that runs it.
    ///
    /// It reads `standardInput` in place of `input` if there is one.
    static func start(
        _ arguments: [String], program: URL = executable, input: Data = Data(), standardInput: Pipe? = nil,
        environment: [String: String] = [:], in folder: TemporaryFolder
    ) throws -> Running {
        try Running(
            program, arguments, input: input, standardInput: standardInput, environment: environment,
            in: folder)
    }

    private static let knownOptions = Mutex<[[String]: Set<String>]>([:])

    /// The long options of the command that arguments begin with, as its help lists them.
    static func options(of arguments: [String], in folder: TemporaryFolder) async throws -> Set<String> {
        let isGroup = ["corpus", "recipe"].contains(arguments.first)
        let command = Array(arguments.prefix(isGroup ? 2 : 1))
        if let known = knownOptions.withLock({ $0[command] }) { return known }
        let help = try await run(command + ["--help"], in: folder)
        let options = Set(help.output.matches(of: /--[a-z][a-z-]*/).map { String($0.0) })
        knownOptions.withLock { $0[command] = options }
        return options
    }

    /// A process at work.
    ///
    /// It reads from and writes to files, so that no pipe can be full and nobody needs to drain one.
    final class Running: Sendable {
        private let process: Mutex<Process>
        private let streams: TemporaryFolder
        private let ended: AsyncStream<Void>
        /// Far longer than anything here takes.
        private static let timeLimit = 120.0

        fileprivate init(
            _ program: URL, _ arguments: [String], input: Data, standardInput: Pipe?,
            environment: [String: String],
            in folder: TemporaryFolder
        ) throws {
            streams = try TemporaryFolder()
            try input.write(to: streams("input"))
            let process = Process()
            process.executableURL = program
            process.arguments = arguments
            process.currentDirectoryURL = folder.url
            // Without the GPU that this machine may have, so that results are the same everywhere.
            process.environment = ProcessInfo.processInfo.environment
                .merging(["CUDA_VISIBLE_DEVICES": ""]) { $1 }.merging(environment) { $1 }
            let handles = try [
                FileHandle(forReadingFrom: streams("input")), Self.newFile(streams("output")),
                Self.newFile(streams("error")),
            ]
            process.standardInput = standardInput ?? handles[0]
            (process.standardOutput, process.standardError) = (handles[1], handles[2])
            let (stream, continuation) = AsyncStream<Void>.makeStream()
            ended = stream
            process.terminationHandler = { _ in continuation.finish() }
            // A shell may have started the tests with signals ignored, which the program would leave so.
            let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM].map { ($0, signal($0, SIG_DFL)) }
            defer { for (number, disposition) in signals { signal(number, disposition) } }
            try process.run()
            // The process would keep them; Foundation cannot start any with some thousand files open.
            for handle in handles { try handle.close() }
            self.process = Mutex(process)
            DispatchQueue.global().asyncAfter(deadline: .now() + Self.timeLimit) { [weak self] in
                if self?.isRunning == true { self?.send(SIGKILL) }
            }
        }

        private static func newFile(_ url: URL) throws -> FileHandle {
            try Data().write(to: url)
            return try FileHandle(forWritingTo: url)
        }

        var isRunning: Bool { process.withLock(\.isRunning) }

        var identifier: Int32 { process.withLock(\.processIdentifier) }

        /// What has been written so far.
        func contents(of stream: String) throws -> String {
            String(decoding: try Data(contentsOf: streams(stream)), as: UTF8.self)
        }

        func send(_ signal: Int32) {
            kill(process.withLock(\.processIdentifier), signal)
        }

        /// Waits until standard output contains a text, or the program has ended.
        func waits(for text: String) async throws {
            try await waits { $0.contains(text) }
        }

        /// Waits until a condition holds for standard output, or the program has ended.
        func waits(until condition: (String) -> Bool) async throws {
            while isRunning, !condition(try contents(of: "output")) {
                try await Task.sleep(for: .milliseconds(5))
            }
        }

        /// Waits for the end.
        func result() async throws -> Result {
            for await _ in ended {}
            let status = process.withLock { process in
                process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            }
            return Result(
                status: status, output: try contents(of: "output"), error: try contents(of: "error"))
        }
    }
}

let modelFiles: Set<String> = [
    "config.json", "vocabulary.json", "model.safetensors", "training.json", "training.safetensors",
]

/// What a run adds to them.
let runFiles: Set<String> = ["metrics.jsonl", "samples.jsonl", "environment.json"]

/// A text in which there is something to learn.
let englishText = String(
    repeating: "the time traveller went into the garden, and the lamp was still burning there.\n", count: 12)

/// Trains a tiny model on the file `text.txt`, which is made, into the folder `model`.
@discardableResult
func trainTinyModel(
    in folder: TemporaryFolder, text: String = englishText, epochs: Int = 2, options: [String] = []
) async throws -> Unroll.Result {
    try folder.write(text, to: "text.txt")
    let result = try await Unroll.run(
        ["train", "text.txt", "--output", "model", "--epochs", "\(epochs)"] + Unroll.tiny + options,
        in: folder)
    #expect(result.status == 0, "\(result.error)")
    return result
}

/// Runs the program where it must fail: one line on standard error that contains the texts, and nothing else anywhere.
func expectFailure(
    _ arguments: [String], status: Int32, naming texts: String..., input: Data = Data(),
    environment: [String: String] = [:], afterNotes notes: Int = 0, in folder: TemporaryFolder,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let before = try FileManager.default.subpathsOfDirectory(atPath: folder.url.path).sorted()
    let result = try await Unroll.run(arguments, input: input, environment: environment, in: folder)
    let comment: Comment = "\(arguments.joined(separator: " ")): \(result)"
    #expect(result.status == status, comment, sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, comment, sourceLocation: sourceLocation)
    let lines = result.error.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == notes + 2 && lines.last == "", comment, sourceLocation: sourceLocation)
    #expect(lines.dropLast().last?.hasPrefix("unroll: ") == true, comment, sourceLocation: sourceLocation)
    for text in texts { #expect(result.error.contains(text), comment, sourceLocation: sourceLocation) }
    // An advice is one that the command can take; command lines after "unroll" are those of others.
    let options = try await Unroll.options(of: arguments, in: folder).union(
        arguments.map { String($0.prefix { $0 != "=" }) })
    let advice =
        (lines.dropLast().last?.dropFirst("unroll:".count) ?? "").split(separator: "unroll ").first ?? ""
    for option in advice.matches(of: /--[a-z][a-z-]*/).map({ String($0.0) }) where option != "--help" {
        #expect(options.contains(option), "\(option): \(result.error)", sourceLocation: sourceLocation)
    }
    let after = try FileManager.default.subpathsOfDirectory(atPath: folder.url.path).sorted()
    #expect(before == after, comment, sourceLocation: sourceLocation)
}

/// All tests of the command line, one after the other: they share the machine with their processes.
@Suite(.serialized) enum CommandLineTests {}
