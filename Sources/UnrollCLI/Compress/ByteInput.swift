import Foundation
import UnrollBase

/// A file or standard input, read part by part.
struct ByteInput {
    let path: InputPath
    /// The length in bytes; nil where it is unknown before reading.
    let byteCount: Int?
    /// The status of a file; nil for standard input, a pipe or a device.
    let copiedStatus: FileStatus?
    private let file: InputFile

    init(_ path: InputPath) throws {
        self.path = path
        guard !path.isStandardInput else {
            (byteCount, copiedStatus, file) = (nil, nil, .standardInput)
            return
        }
        let status: FileStatus
        do throws(SystemError) {
            file = try InputFile(path.argument)
            status = try file.status()
        } catch {
            throw Failure("\(path): cannot be read (\(error.reason)); check the path")
        }
        guard status.kind != .folder else {
            throw Failure("\(path): is a folder; name a file, or put the folder into one with tar")
        }
        // Files that the system makes up while they are read have a length of 0.
        byteCount = status.size > 0 ? status.size : nil
        copiedStatus = status.kind == .file ? status : nil
    }

    /// The next part; nil at the end.
    func next() throws -> Data? {
        var part = Data(count: 1 << 16)
        var result = Result<Int, SystemError>.success(0)
        part.withUnsafeMutableBytes { buffer in
            do throws(SystemError) {
                result = .success(try file.read(into: buffer))
            } catch {
                result = .failure(error)
            }
        }
        switch result {
        case .success(let count): return count == 0 ? nil : part.prefix(count)
        case .failure(let error): throw Failure("\(path): cannot be read (\(error.reason)); check the disk")
        }
    }
}
