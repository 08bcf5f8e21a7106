import Foundation
import Synchronization

/// A file or folder that has a hidden name of its own while it is made.
///
/// It is removed with the last reference to this object, unless it was moved to its place, and when a signal ends a
/// program that handles ``EndingSignals``. What a crash or a kill leaves, ``FileSystem/discardAbandoned(in:)`` removes.
package final class TemporaryItem {
    /// The hidden place, where something is to be created.
    package let url: URL
    private var writeLock: WriteLock?
    private var isInPlace = false

    /// The paths of this process; the lock is held while an item is moved or removed.
    private static let paths = Mutex<Set<String>>([])

    /// Chooses a name in a folder.
    package init(in folder: URL) {
        url = FileSystem.temporaryURL(in: folder)
        writeLock = nil
        let path = url.path
        Self.paths.withLock { _ = $0.insert(path) }
    }

    deinit {
        guard !isInPlace else { return }
        let url = url
        Self.paths.withLock { paths in
            FileSystem.discard(url)
            paths.remove(url.path)
        }
    }

    /// Locks what was created, so that no other process takes it for an abandoned one.
    package func lock() {
        writeLock = WriteLock(url)
    }

    /// Moves what was created to its place, and unlocks it.
    package func move(to target: URL) throws(SystemError) {
        let url = url
        try Self.paths.withLock { paths throws(SystemError) in
            try FileSystem.rename(url, to: target)
            paths.remove(url.path)
        }
        isInPlace = true
        writeLock = nil
    }

    /// Removes all items of this process, and ends it.
    ///
    /// Threads that are about to move an item or to report an error about one wait for the end.
    package static func removeAll(andThen end: () -> Never) -> Never {
        paths.withLock { paths in
            for path in paths {
                // Another thread may add files to a folder meanwhile, a few at most.
                for _ in 0..<100 where FileStatus(of: path, followingLinks: false) != nil {
                    FileSystem.discard(URL(fileURLWithPath: path))
                }
            }
            end()
        }
    }
}

/// A lock on a file or folder while it is written.
///
/// The system releases it when the process ends, even by a kill.
package struct WriteLock: ~Copyable {
    private let descriptor: Int32

    /// Returns nil when another process holds the lock, there is nothing at the path, or the file system has no locks.
    package init?(_ url: URL) {
        // A pipe of such a name must not be waited for.
        descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
    }

    deinit {
        close(descriptor)
    }

    /// Releases the lock, which otherwise may happen at the last use.
    package consuming func release() {}
}
