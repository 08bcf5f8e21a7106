import Foundation

/// A failed call of the operating system.
package struct SystemError: Error, Equatable {
    package let code: Int32

    /// The failure of the call made last.
    package static var last: SystemError { SystemError(code: errno) }

    /// The system's words for it, such as "Read-only file system".
    package var reason: String { String(cString: strerror(code)) }
}

extension FileError {
    /// Says that `neededBytes` could not be written to `path`.
    package init(_ error: SystemError, writing neededBytes: Int, to path: String) {
        switch error.code {
        case ENOSPC, EDQUOT: self = .diskFull(path: path, neededBytes: neededBytes)
        default: self = .unwritable(path: path, reason: error.reason)
        }
    }

    /// Says that `path` could not be read, in the words of the failed system call if there was one.
    package init(_ error: any Error, reading path: String) {
        let cause = (error as? CocoaError)?.underlying as? POSIXError
        let reason = cause.map { SystemError(code: $0.code.rawValue).reason } ?? error.localizedDescription
        self = .unreadable(path: path, reason: reason)
    }
}
