import Foundation
import UnrollBase

/// A file that appears once all of it is there, or standard output.
struct ByteOutput {
    private enum Target {
        case file(StagedFile)
        case standardOutput
        /// A pipe with a name, a device.
        case stream(Stream)
    }

    private final class Stream {
        let file: OutputFile
        let name: String

        init(_ path: String) throws(SystemError) {
            file = try OutputFile(existing: path)
            name = path
        }
    }

    private let target: Target

    /// Opens the place to write to.
    ///
    /// - Parameters:
    ///   - path: A file, or - for standard output.
    ///   - input: The place that is read, which must be another one.
    ///   - force: Whether a file may be replaced.
    ///   - isText: Whether a terminal can show the bytes.
    /// - Throws: `Failure`, or `FileError` if the folder cannot be written to.
    init(_ path: String, reading input: ByteInput, force: Bool, isText: Bool) throws {
        guard path != ByteInput.standard else {
            guard isText || force || !Standard.output.isTerminal else {
                throw Failure(
                    "standard output is a terminal, which cannot show compressed bytes; name a file, or add --force"
                )
            }
            target = .standardOutput
            return
        }
        guard let status = FileStatus(of: path) else {
            target = .file(try StagedFile(for: URL(fileURLWithPath: path)))
            return
        }
        if let read = input.status, status.isSameFile(as: read) {
            throw Failure("\(path): is read and written at once; name another file to write to")
        }
        switch status.kind {
        case .folder:
            throw Failure("\(path): is a folder; name a file in it")
        case .file:
            guard force else { throw Failure("\(path): is there already; add --force to replace it") }
            // A link stays one: its target is replaced.
            let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
            target = .file(try StagedFile(for: url))
        case .link, .other:
            do throws(SystemError) {
                target = .stream(try Stream(path))
            } catch {
                throw Self.failure(path, error)
            }
        }
    }

    func write(_ bytes: [UInt8]) throws {
        switch target {
        case .file(let file):
            try file.write(Data(bytes))
        case .standardOutput:
            do throws(SystemError) {
                try StandardStream.output.write(bytes)
            } catch {
                throw Self.failure("standard output", error)
            }
        case .stream(let stream):
            do throws(SystemError) {
                try stream.file.write(Data(bytes))
            } catch {
                throw Self.failure(stream.name, error)
            }
        }
    }

    /// Makes the file appear.
    func finish() throws {
        if case .file(let file) = target { try file.putInPlace() }
    }

    private static func failure(_ name: String, _ error: SystemError) -> Failure {
        Failure("\(name): cannot be written (\(error.reason)); choose another place")
    }
}
