import Foundation
import UnrollBase
import UnrollModel

/// A file that appears once all of it is there, or standard output.
struct ByteOutput {
    private enum Target {
        case file(StagedFile)
        /// Standard output, a pipe with a name, a device.
        case stream(FileHandle, name: String)
    }

    private let target: Target

    /// Opens what is written to.
    ///
    /// - Parameters:
    ///   - path: A file, or - for standard output.
    ///   - input: What is read, which must be something else.
    ///   - force: Whether a file may be replaced.
    ///   - isText: Whether a terminal can show what comes.
    /// - Throws: `Failure`, or `FileError` where nothing can be written.
    init(_ path: String, reading input: ByteInput, force: Bool, isText: Bool) throws {
        guard path != ByteInput.standard else {
            guard isText || force || !Standard.output.isTerminal else {
                throw Failure(
                    "standard output is a terminal, which cannot show compressed bytes; name a file, or add --force"
                )
            }
            target = .stream(.standardOutput, name: "standard output")
            return
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            target = .file(try StagedFile(for: URL(fileURLWithPath: path)))
            return
        }
        switch status.st_mode & S_IFMT {
        case _ where FileIdentity(status) == input.identity:
            throw Failure("\(path): is read and written at once; name another file to write to")
        case S_IFDIR:
            throw Failure("\(path): is a folder; name a file in it")
        case S_IFREG:
            guard force else { throw Failure("\(path): is there already; add --force to replace it") }
            // A link stays one: what it leads to is replaced.
            let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
            target = .file(try StagedFile(for: url))
        default:
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Self.failure(path, errno) }
            target = .stream(
                FileHandle(fileDescriptor: descriptor, closeOnDealloc: true), name: path)
        }
    }

    func write(_ bytes: [UInt8]) throws {
        switch target {
        case .file(let file): try file.write(Data(bytes))
        case .stream(let handle, let name):
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Foundation.write(handle.fileDescriptor, $0.baseAddress, $0.count)
                }
                guard count > 0 || errno == EINTR else { throw Self.failure(name, errno) }
                rest = rest.dropFirst(max(count, 0))
            }
        }
    }

    /// Makes the file appear.
    func finish() throws {
        if case .file(let file) = target { try file.putInPlace() }
    }

    private static func failure(_ name: String, _ code: Int32) -> Failure {
        Failure("\(name): cannot be written (\(String(cString: strerror(code)))); choose another place")
    }
}
