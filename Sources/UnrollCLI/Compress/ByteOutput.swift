import Foundation
import UnrollBase

/// A file that appears once all of it is there, a pipe, a device, or standard output.
struct ByteOutput {
    /// Nil for standard output.
    private let file: StagedFile?

    /// Opens the place to write to.
    ///
    /// A new file has the permissions, the time and, as far as possible, the owner of the one that is read.
    ///
    /// - Parameters:
    ///   - path: The place.
    ///   - input: The place that is read.
    ///   - force: Whether a file may be replaced.
    ///   - isText: Whether a terminal can show the bytes.
    /// - Throws: `Failure`, or `FileError` if the file cannot be written.
    init(_ path: OutputPath, reading input: ByteInput, force: Bool, isText: Bool) throws {
        try path.check(reading: input.path)
        guard !path.isStandardOutput else {
            guard isText || force || !Standard.output.isTerminal else {
                throw Failure(
                    "standard output is a terminal, which cannot show compressed bytes; name a file, or add --force"
                )
            }
            file = nil
            return
        }
        switch FileStatus(of: path.argument)?.kind {
        case .folder?:
            throw Failure("\(path): is a folder; name a file in it")
        case .file? where !force:
            throw Failure("\(path): is there already; add --force to replace it")
        default:
            file = try StagedFile(for: path.url, copying: input.copiedStatus)
        }
    }

    func write(_ bytes: [UInt8]) throws {
        if let file { return try file.write(Data(bytes)) }
        do throws(SystemError) {
            try StandardStream.output.write(bytes)
        } catch {
            throw Failure("standard output: cannot be written (\(error.reason)); choose another place")
        }
    }

    /// Makes the file appear.
    func finish() throws {
        try file?.putInPlace()
    }
}
