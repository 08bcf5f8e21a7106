import Foundation
import Unroll
import UnrollBase
import UnrollCluster
import UnrollModel

/// Files of process 0 that the others have a copy of: they may be on machines with other files.
struct SharedFiles {
    /// The folder that has them: that of process 0, or a copy that is there as long as this value.
    let folder: URL
    private let copy: TemporaryItem?

    /// Gives the model in a folder to all processes of a group, if there is one, or takes it from process 0.
    ///
    /// - Throws: `ClusterError`, `FileError`.
    init(of folder: URL, in group: (any ProcessGroup)?) throws {
        let names = Cluster.isFirst ? ModelFolder(folder).names : []
        try self.init(names, of: folder, in: group)
    }

    /// Gives files of a folder to all processes of a group, if there is one, or takes those of process 0.
    ///
    /// - Parameters:
    ///   - names: The files' names; in process 0 alone.
    ///   - folder: The folder; in process 0 alone.
    ///   - group: The processes.
    /// - Throws: `ClusterError`, `FileError`.
    init(_ names: [String], of folder: URL, in group: (any ProcessGroup)?) throws {
        guard let group else {
            (self.folder, copy) = (folder, nil)
            return
        }
        if Cluster.isFirst {
            (self.folder, copy) = (folder, nil)
            let contents = try names.map { name in
                let file = folder.appending(path: name)
                do {
                    return Array(try Data(contentsOf: file))
                } catch {
                    throw FileError.unreadable(path: file.path, reason: SystemError.reason(of: error))
                }
            }
            _ = try group.broadcast(Array(try JSONEncoder.unroll.encode(names)))
            for bytes in contents { _ = try group.broadcast(bytes) }
        } else {
            let item = TemporaryItem(in: FileManager.default.temporaryDirectory)
            (self.folder, copy) = (item.url, item)
            try FileSystem.createFolders(item.url)
            for name in try JSONDecoder().decode([String].self, from: Data(try group.broadcast([]))) {
                try AtomicFile.write(Data(try group.broadcast([])), to: item.url.appending(path: name))
            }
        }
    }

    /// The error of a text that only one of several processes could read.
    static var standardInputFailure: Failure {
        Failure(
            "standard input reaches one process alone; put the text into a file", exitCode: Failure.usage)
    }
}
