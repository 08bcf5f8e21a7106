import Foundation
import UnrollBase

/// The packages of a Python, which has NVIDIA's libraries where it has PyTorch for GPUs.
enum PythonPackages {
    /// The folders of packages in all places where a Python looks for them.
    ///
    /// Python itself is asked, as its place says little: what is on `PATH` may be a script that chooses one, and a
    /// distribution's Python has folders of its own.
    ///
    /// - Parameters:
    ///   - packages: The folders within a place, such as "nvidia/nccl/lib".
    ///   - python: The name of the program.
    ///   - environment: The environment variables.
    /// - Returns: The folders, which need not be there; none without such a Python.
    static func folders(
        _ packages: [String], of python: String, in environment: [String: String]
    ) -> [URL] {
        let paths = (environment["PATH"] ?? "").split(separator: ":").map {
            URL(filePath: String($0)).appending(path: python, directoryHint: .notDirectory)
        }
        guard
            let program = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0.path) }),
            let output = output(
                of: program, ["-c", "import sys; print('\\n'.join(sys.path + [sys.prefix + '/lib']))"],
                environment)
        else { return [] }
        return output.split(separator: "\n").filter { $0.hasPrefix("/") }.flatMap { place in
            // A distribution such as conda has libraries in its own folder.
            (packages + ["."]).map { URL(filePath: String(place)).appending(path: $0).standardized }
        }
    }

    /// What a program writes to its standard output; nil if it fails.
    private static func output(
        of program: URL, _ arguments: [String], _ environment: [String: String]
    ) -> String? {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = environment
        let output = Pipe()
        // The end of the pipe is seen only when no other child of this process holds it open.
        ProcessSettings.closeOnExecution(output.fileHandleForReading.fileDescriptor)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        // What a Python does when it starts is its owner's affair, but may not hold up a run.
        let timer = DispatchSource.makeTimerSource()
        let number = process.processIdentifier
        timer.setEventHandler { ProcessSettings.terminate(number) }
        timer.schedule(deadline: .now() + .seconds(10))
        timer.activate()
        defer { timer.cancel() }
        let bytes = (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? String(decoding: bytes, as: UTF8.self) : nil
    }
}
