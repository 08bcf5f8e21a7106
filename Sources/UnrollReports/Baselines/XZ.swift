import Foundation
import UnrollBase

/// The system's `xz`, if there is one.
enum XZ {
    /// The number of bytes that `xz -9e` compresses these to; nil if it is not installed or fails.
    static func compressedSize(of bytes: [UInt8]) -> Int? {
        // A dictionary larger than the text costs memory and time and gains nothing.
        var dictionary = 1 << 20
        while dictionary < bytes.count, dictionary < 1 << 26 { dictionary <<= 1 }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "xz", "--compress", "--stdout", "--quiet", "--lzma2=preset=9e,dict=\(dictionary)",
        ]
        let (input, output) = (Pipe(), Pipe())
        // The reader sees the end of a pipe only when no other child of this process holds it open.
        for end in [input.fileHandleForWriting, output.fileHandleForReading] {
            ProcessSettings.closeOnExecution(end.fileDescriptor)
        }
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        // On a thread of its own, as the compressor stops reading while its output is not read.
        let writer = Thread {
            // A compressor that fails closes its end, which would end this process, too.
            ProcessSettings.blockBrokenPipeSignal()
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
