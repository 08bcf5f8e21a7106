import Foundation

/// Why a file or folder could not be read or written.
public enum FileError: UnrollError, Equatable {
    /// There is nothing at the path.
    case notFound(path: String)
    /// The system refused to open or read the file or folder.
    case unreadable(path: String, reason: String)
    /// The file is truncated, changed, or not of the format that its name stands for.
    case invalid(path: String, reason: String)
    /// The file's format version is newer than this program.
    case newerVersion(path: String, version: Int)
    /// The system refused to write.
    case unwritable(path: String, reason: String)
    /// There is no space left for this many bytes.
    case diskFull(path: String, neededBytes: Int)
    /// A process is writing to the folder: this one where `process` is its own number, an unknown one where it is nil.
    /// The host is nil if it is this machine.
    case inUse(path: String, process: Int?, host: String?)

    /// One line that names the file or folder and the way out.
    public var description: String {
        switch self {
        case .notFound(let path):
            "\(path): no such file or folder; check the path"
        case .unreadable(let path, let reason):
            "\(path): cannot be read (\(reason)); check the path and its permissions"
        case .invalid(let path, let reason):
            "\(path): \(reason); restore the file from a copy or make it again"
        case .newerVersion(let path, let version):
            "\(path): format version \(version) was written by a newer Unroll; update this program"
        case .unwritable(let path, let reason):
            "\(path): cannot be written (\(reason)); check its permissions or choose another folder"
        case .diskFull(let path, let neededBytes):
            "\(path): no space left on the disk for \(neededBytes) bytes; free some or choose another folder"
        case .inUse(let path, let process, let host):
            "\(path): \(Self.name(process, on: host)) is writing to it; wait for its end or choose another folder"
        }
    }

    private static func name(_ process: Int?, on host: String?) -> String {
        guard let process else { return "another process" }
        if host == nil, process == Int(getpid()) { return "another part of this program" }
        return "process \(process)" + (host.map { " on \($0)" } ?? "")
    }
}

/// A failed call of the operating system.
package struct SystemError: Error, Equatable {
    package let code: Int32

    /// The failure of the last call.
    package static var last: SystemError { SystemError(code: errno) }

    /// There is a folder where a file is needed.
    package static var isFolder: SystemError { SystemError(code: EISDIR) }

    /// The system's words for it, such as "Read-only file system".
    package var reason: String { String(cString: strerror(code)) }

    /// The words for any error, those of the failed system call if there was one.
    ///
    /// `localizedDescription` has none for most errors on Linux, and makes a program half as large again.
    package static func reason(of error: any Error) -> String {
        if let error = error as? SystemError { return error.reason }
        if let cause = (error as? CocoaError)?.underlying as? POSIXError {
            return SystemError(code: cause.code.rawValue).reason
        }
        return "\(error)"
    }
}

extension FileError {
    /// The error of writing `neededBytes` to `path`.
    package init(_ error: SystemError, writing neededBytes: Int, to path: String) {
        switch error.code {
        case ENOSPC, EDQUOT: self = .diskFull(path: path, neededBytes: neededBytes)
        default: self = .unwritable(path: path, reason: error.reason)
        }
    }

    /// The error of reading `path`, in the words of the failed system call if there was one.
    package init(_ error: any Error, reading path: String) {
        self = .unreadable(path: path, reason: SystemError.reason(of: error))
    }
}
