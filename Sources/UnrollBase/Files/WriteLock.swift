import Foundation

/// Tells others that a file or folder is being written: the system takes the lock back when the process ends, however.
package struct WriteLock: ~Copyable {
    private let descriptor: Int32

    /// Returns nil when somebody else holds the lock, there is nothing at the path, or the file system has no locks.
    package init?(_ url: URL) {
        descriptor = open(url.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit {
        close(descriptor)
    }

    /// Gives the lock back, at the latest here.
    package consuming func release() {}
}
