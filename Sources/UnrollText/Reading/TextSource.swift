import Foundation

/// A text that can be read from its beginning more than once.
///
/// A file is opened anew for every reading, so that a folder may hold more files than a process may have open.
struct TextSource {
    /// What to call the text in an error.
    let name: String
    /// The number of bytes, as far as it is known before reading.
    let byteCount: Int
    /// The file as it was found; nil for what is no file that another process could read again.
    let stamp: FileStamp?
    private let opened: () throws(TextError) -> any ByteSource

    /// A text that is in memory already.
    init(_ source: MemorySource, name: String) {
        self.name = name
        byteCount = source.byteCount
        stamp = nil
        opened = { source }
    }

    /// A text that is read once, while it comes.
    init(_ stream: ByteStream) {
        name = stream.name
        byteCount = stream.byteCount
        stamp = nil
        opened = { StreamSource(stream) }
    }

    /// The text in a file, a pipe or a device; what cannot be read twice is read now.
    init(file url: URL) throws(TextError) {
        guard url.isFileURL else {
            throw .unreadable(file: url.absoluteString, reason: "not a file URL")
        }
        var status = stat()
        guard stat(url.relativePath, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0
        else {
            let source = try FileSource(url)
            name = url.relativePath
            byteCount = source.byteCount
            stamp = nil
            opened = { source }
            return
        }
        name = url.relativePath
        byteCount = Int(status.st_size)
        stamp = FileStamp(path: url.standardizedFileURL.path, status: status)
        opened = { () throws(TextError) in try FileSource(url) }
    }

    /// Begins to read.
    func open() throws(TextError) -> any ByteSource {
        try opened()
    }
}
