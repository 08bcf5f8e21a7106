import Foundation

/// A file that is written part by part and appears, whole, at the end; what is not ended leaves nothing behind.
package final class StagedFile {
    private let url: URL
    private let temporary: URL
    private let file: OutputFile
    /// Held while the object lives, so that nobody takes the file for an abandoned one.
    private let lock: WriteLock?
    private var byteCount = 0
    private var isInPlace = false

    /// Begins a file that will replace the one at `url`, if there is one then.
    package init(for url: URL) throws(FileError) {
        self.url = url
        temporary = FileSystem.temporaryURL(in: url.deletingLastPathComponent())
        do throws(SystemError) {
            file = try OutputFile(creating: temporary.path)
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
        lock = WriteLock(temporary)
    }

    deinit {
        if !isInPlace { FileSystem.discard(temporary) }
    }

    /// Adds data at the end.
    package func write(_ data: Data) throws(FileError) {
        byteCount += data.count
        do throws(SystemError) {
            try file.write(data)
        } catch {
            throw FileError(error, writing: byteCount, to: url.path)
        }
    }

    /// Puts the file in its place once the disk has it; readers see the old contents or the new ones, never a part.
    package func putInPlace() throws(FileError) {
        do throws(SystemError) {
            try file.synchronize()
            try FileSystem.rename(temporary, to: url)
            isInPlace = true
            try FileSystem.synchronizeFolder(url.deletingLastPathComponent())
        } catch {
            throw FileError(error, writing: byteCount, to: url.path)
        }
    }
}
