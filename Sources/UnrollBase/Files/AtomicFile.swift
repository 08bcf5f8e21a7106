import Foundation

/// Writing of single files that other processes may read, and that a kill may interrupt, at any moment.
package enum AtomicFile {
    /// Replaces a file, or creates it: readers see the old contents or the new ones, never a part of either.
    package static func write(_ data: Data, to url: URL) throws(FileError) {
        let file = try StagedFile(for: url)
        try file.write(data)
        try file.putInPlace()
    }

    /// Adds a line to a file, or creates it; when there is no room for the whole line, nothing of it stays.
    package static func append(line: String, to url: URL) throws(FileError) {
        try append(Data("\(line)\n".utf8), to: url)
    }

    /// Adds data to a file, or creates it; when there is no room for all of it, nothing of it stays.
    package static func append(_ data: Data, to url: URL) throws(FileError) {
        do throws(SystemError) {
            let file = try OutputFile(appendingTo: url.path)
            let size = try file.size()
            do throws(SystemError) {
                try file.write(data)
            } catch {
                try? file.truncate(to: size)
                throw error
            }
        } catch {
            throw FileError(error, writing: data.count, to: url.path)
        }
    }

    /// Waits until the disk has the lines of a file, if there is one.
    package static func synchronize(_ url: URL) throws(FileError) {
        guard FileSystem.kind(of: url) == .file else { return }
        do throws(SystemError) {
            try OutputFile(appendingTo: url.path).synchronize()
        } catch {
            throw FileError(error, writing: 0, to: url.path)
        }
    }
}
