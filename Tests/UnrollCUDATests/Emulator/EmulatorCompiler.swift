import Foundation
import UnrollBase
import UnrollCUDA

/// The C++ compiler that makes libraries of kernels, and the folder that keeps them for later runs of the tests.
struct EmulatorCompiler: Sendable {
    /// The compiler of this machine, nil if there is none.
    static let shared: EmulatorCompiler? = {
        // blocks.hpp uses sections as Linux has them.
        #if os(Linux)
            let compiler = candidates().lazy.compactMap(EmulatorCompiler.init).first
        #else
            let compiler: EmulatorCompiler? = nil
        #endif
        if compiler == nil {
            print("Kernels are not tested: the emulator of a GPU needs Linux and clang++, g++ or c++.")
        }
        return compiler
    }()

    // Contraction to fused multiply-adds would make numbers depend on the processor.
    private static let options = [
        "-std=c++20", "-O1", "-fPIC", "-shared", "-ffp-contract=off", "-fno-strict-aliasing",
        "-fno-exceptions", "-fno-rtti", "-fvisibility=hidden", "-Wall", "-Wno-unused-function",
        "-Wno-unknown-pragmas",
    ]
    // primitives.hpp has the functions that report what these find. Those of g++ need a library.
    private static let checks =
        "-fsanitize=alignment,null,bounds,shift-exponent,integer-divide-by-zero,signed-integer-overflow"

    /// The text that stands in front of kernels in the place of prelude.cuh and exchange.cuh.
    static let prelude = [
        ("fibers.hpp", PackageResources.fibers_hpp), ("blocks.hpp", PackageResources.blocks_hpp),
        ("barriers.hpp", PackageResources.barriers_hpp),
        ("transactions.hpp", PackageResources.transactions_hpp), ("copies.hpp", PackageResources.copies_hpp),
        ("orders.hpp", PackageResources.orders_hpp), ("launches.hpp", PackageResources.launches_hpp),
        ("primitives.hpp", PackageResources.primitives_hpp),
    ].map { "#line 1 \"\($0)\"\n\(String(decoding: $1, as: UTF8.self))\n" }.joined()

    private let program: URL
    private let version: String
    private let options: [String]
    /// Whether kernels are checked for indices out of range and the like.
    let hasChecks: Bool
    /// Where libraries of kernels are kept.
    let folder: URL

    /// A compiler that says its version.
    private init?(_ program: URL) {
        guard let output = try? Self.output(of: program, ["--version"]), output.isSuccess else { return nil }
        self.program = program
        version = output.text
        hasChecks = version.contains("clang")
        options = Self.options + (hasChecks ? [Self.checks] : [])
        folder = Self.folder()
    }

    /// Compiles kernels to a library, or finds the file that an earlier run made.
    ///
    /// - Returns: The library, and what the compiler warned of.
    /// - Throws: `CUDAError.compilation`.
    func compile(_ source: KernelSource) throws(CUDAError) -> (file: URL, warnings: String) {
        let name = source.name.filter { $0 != "\"" && $0 != "\\" && !$0.isNewline }
        let text = Self.prelude + "#line 1 \"\(name)\"\n\(source.text)\n"
        var hash = SHA256()
        hash.update(([program.path, version] + options + [text]).joined(separator: "\0").utf8)
        let key = hash.finalize().map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let library = folder.appending(path: "\(key).so")
        if FileManager.default.fileExists(atPath: library.path) { return (library, "") }
        do {
            // Another process may compile the same text, so that a file has its name only when it is complete.
            let part = folder.appending(path: UUID().uuidString)
            let input = part.appendingPathExtension("cpp")
            let output = part.appendingPathExtension("so")
            defer {
                try? FileManager.default.removeItem(at: input)
                try? FileManager.default.removeItem(at: output)
            }
            try Data(text.utf8).write(to: input)
            let arguments = options + [input.path, "-o", output.path, "-lm"]
            let result = try Self.output(of: program, arguments)
            guard result.isSuccess, rename(output.path, library.path) == 0 else {
                throw CUDAError.compilation(name: source.name, log: result.text)
            }
            return (library, result.text)
        } catch let error as CUDAError {
            throw error
        } catch {
            throw .compilation(name: source.name, log: "\(error)")
        }
    }

    /// The folder of compiled kernels, which must be this user's own, since what is in it is run.
    private static func folder() -> URL {
        let files = FileManager.default
        let folder = files.temporaryDirectory.appending(path: "unroll-emulator-\(geteuid())")
        let permissions: [FileAttributeKey: Any] = [.posixPermissions: 0o700]
        try? files.createDirectory(at: folder, withIntermediateDirectories: true, attributes: permissions)
        let attributes = try? files.attributesOfItem(atPath: folder.path)
        let owner = attributes?[.ownerAccountID] as? NSNumber
        let mode = attributes?[.posixPermissions] as? NSNumber
        guard owner?.uint32Value != geteuid() || mode?.intValue != 0o700 else { return folder }
        let own = files.temporaryDirectory.appending(path: "unroll-emulator-\(UUID().uuidString)")
        try? files.createDirectory(at: own, withIntermediateDirectories: true, attributes: permissions)
        return own
    }

    /// The compiler beside `swift` first, then those of the search path.
    private static func candidates() -> [URL] {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map { URL(filePath: String($0)) }
        func find(_ name: String) -> URL? {
            folders.map { $0.appending(path: name) }
                .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        }
        let swift = find("swift")?.resolvingSymlinksInPath()
        let beside = swift?.deletingLastPathComponent().appending(path: "clang++")
        return [beside, find("clang++"), find("g++"), find("c++")].compactMap(\.self)
    }

    /// Runs a program and collects what it prints.
    private static func output(of program: URL, _ arguments: [String]) throws -> (
        isSuccess: Bool, text: String
    ) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus == 0, String(decoding: text, as: UTF8.self))
    }
}
