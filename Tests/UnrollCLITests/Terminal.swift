import Foundation
import UnrollTestSupport

/// A terminal of 100 columns and 40 rows that a program writes its messages to.
final class Terminal {
    private let master: Int32
    private let slave: FileHandle

    init() throws {
        var (master, slave) = (Int32(), Int32())
        var size = winsize(ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0)
        guard openpty(&master, &slave, nil, nil, &size) == 0 else { throw POSIXError(.ENOTTY) }
        self.master = master
        self.slave = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
    }

    deinit {
        close(master)
    }

    /// Runs the program with standard error on the terminal and an environment that says only this about it.
    ///
    /// - Returns: The exit code and all that came to the terminal.
    func run(
        _ arguments: [String], environment: [String: String], in folder: TemporaryFolder
    ) async throws -> (status: Int32, screen: String) {
        let process = Process()
        process.executableURL = Unroll.executable
        process.arguments = arguments
        process.currentDirectoryURL = folder.url
        let names = ["TERM", "NO_COLOR", "LC_ALL", "LC_CTYPE", "LANG"]
        process.environment = ProcessInfo.processInfo.environment.filter { !names.contains($0.key) }
            .merging(environment) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = slave
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        try process.run()
        // The end of the terminal is that of its last writer.
        try slave.close()
        let master = master
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 1 << 12)
            while case let count = read(master, &buffer, buffer.count), count > 0 {
                continuation.yield(Array(buffer[..<count]))
            }
            continuation.finish()
        }
        var bytes: [UInt8] = []
        for await part in stream { bytes += part }
        process.waitUntilExit()
        return (
            process.terminationStatus,
            String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
        )
    }
}
