import Foundation

/// The compressor of the system, if it has one.
enum XZ {
    /// The bytes that `xz -9e` makes of some; nil where it is not installed or fails.
    static func compressedSize(of bytes: [UInt8]) -> Int? {
        // More of a dictionary than there is text costs memory and time, and gives nothing.
        var dictionary = 1 << 20
        while dictionary < bytes.count, dictionary < 1 << 26 { dictionary <<= 1 }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "xz", "--compress", "--stdout", "--quiet", "--lzma2=preset=9e,dict=\(dictionary)",
        ]
        let (input, output) = (Pipe(), Pipe())
        // The end of what is written is seen only when no other child of this process holds the pipe open.
        for end in [input.fileHandleForWriting, output.fileHandleForReading] {
            _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        // Both ends at once: whoever only wrote would wait for somebody who reads what comes of it.
        let writer = Thread {
            // A compressor that is not there closes its end, and would take this process with it.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            try? input.fileHandleForWriting.write(contentsOf: bytes)
            try? input.fileHandleForWriting.close()
        }
        writer.start()
        var size = 0
        while let part = try? output.fileHandleForReading.read(upToCount: 1 << 16), !part.isEmpty {
            size += part.count
        }
        process.waitUntilExit()
        return process.terminationStatus == 0 ? size : nil
    }
}
