import Foundation
import UnrollBase

/// A text that can be read more than once, and how it is preprocessed and cut into tokens.
///
/// Several inputs follow each other as if they were one. A line feed stands between them if the former ends inside a
/// line, so that no word reaches from one into the next; bytes and subwords have nothing put between them.
struct TextSource {
    let inputs: [TextInput]
    /// What was found in folders and is not part of the text.
    var notices: [TextNotice] = []
    /// The name of the whole text in errors.
    let name: String
    let preprocessing: Preprocessing
    let kind: TokenKind

    /// The number of bytes with a line feed after each input, as far as it is known before reading.
    var byteCount: Int { inputs.reduce(inputs.count) { $0 + $1.byteCount } }

    /// The files as they were found; nil when an input is not a file that can be read again.
    var stamps: [FileStamp]? {
        let stamps = inputs.compactMap(\.stamp)
        return stamps.count == inputs.count ? stamps : nil
    }

    /// Calls `body` with one piece of the preprocessed text after another.
    ///
    /// Every call reads the text again, so that memory is needed for token ids alone.
    func forEachPiece(_ body: (UnsafeBufferPointer<UInt8>) -> Void) throws(TextError) {
        let reader = TextReader(self)
        while let piece = try reader.next() { body(piece) }
    }
}

/// One part of a text: a file, or bytes in memory.
///
/// A file is opened for every reading, so that a text may have more files than a process may have open.
struct TextInput {
    /// The name of the input in errors.
    let name: String
    /// The number of bytes, 0 when it is not known before reading.
    let byteCount: Int
    /// The file as it was found; nil for what is not a file that another process could read again.
    let stamp: FileStamp?
    private let contents: Contents

    private enum Contents {
        case file(URL)
        case array([UInt8])
        case memory(UnsafeRawBufferPointer)
        case stream(ByteReader)
    }

    /// The text in a file, a pipe or a device; what cannot be read twice is read now and kept in memory.
    init(contentsOf url: URL) throws(TextError) {
        name = url.isFileURL ? url.relativePath : url.absoluteString
        // Files of the system, such as those in /proc, claim to be empty and may not be.
        if url.isFileURL, let status = FileStatus(of: url.relativePath), status.kind == .file, status.size > 0
        {
            byteCount = status.size
            stamp = FileStamp(path: url.standardizedFileURL.path, status: status)
            contents = .file(url)
        } else {
            let bytes = try ByteReader(contentsOf: url).readToEnd()
            byteCount = bytes.count
            stamp = nil
            contents = .array(bytes)
        }
    }

    /// Bytes in memory that outlives the input.
    init(_ bytes: UnsafeRawBufferPointer, name: String) {
        self.name = name
        byteCount = bytes.count
        stamp = nil
        contents = .memory(bytes)
    }

    /// A stream, which can be read once only.
    init(_ stream: ByteReader) {
        name = stream.name
        byteCount = stream.byteCount
        stamp = nil
        contents = .stream(stream)
    }

    /// Begins to read.
    func open() throws(TextError) -> ByteReader {
        switch contents {
        case .file(let url): try ByteReader(contentsOf: url)
        case .array(let bytes): ByteReader(bytes, name: name)
        case .memory(let bytes): ByteReader(bytes, name: name)
        case .stream(let stream): stream
        }
    }
}

/// A file as it was when it was read; another stamp means that the file was changed.
struct FileStamp: Codable, Equatable {
    let path: String
    let size: Int
    let modificationSeconds: Int
    let modificationNanoseconds: Int

    init(path: String, status: FileStatus) {
        self.path = path
        size = status.size
        modificationSeconds = status.modificationSeconds
        modificationNanoseconds = status.modificationNanoseconds
    }
}

// MARK: Folders

extension TextInput {
    /// The inputs that files, folders, pipes and devices stand for.
    ///
    /// - Parameters:
    ///   - urls: The places. A folder stands for the files in it and in the folders in it.
    ///   - excluded: The folder that a run saves to, whose files are not part of a text.
    /// - Returns: One input for each file, and what was left out of folders.
    /// - Throws: Why a folder or a file that must be read now cannot be read.
    static func inputs(
        at urls: [URL], outside excluded: URL? = nil
    ) throws(TextError) -> (inputs: [TextInput], notices: [TextNotice]) {
        var (inputs, notices) = ([TextInput](), [TextNotice]())
        for url in urls {
            var files = [url]
            if isFolder(url) {
                let found = try contents(of: url, outside: excluded)
                files = found.files
                notices += found.leftOut
            }
            for file in files { inputs.append(try TextInput(contentsOf: file)) }
        }
        return (inputs, notices)
    }

    /// Whether there is a folder at a place.
    static func isFolder(_ url: URL) -> Bool {
        url.isFileURL && FileStatus(of: url.relativePath)?.kind == .folder
    }

    /// The files in a folder and in the folders in it, in the order of their paths' bytes.
    ///
    /// That order is the same on every file system and in every language of the machine. Hidden files and folders do
    /// not count, nor does what Unroll has written. Links to files are followed; links to folders are not, since they
    /// may form a loop.
    private static func contents(
        of folder: URL, outside excluded: URL?
    ) throws(TextError) -> (files: [URL], leftOut: [TextNotice]) {
        let root = folder.relativePath
        let excluded = excluded.flatMap { FileStatus(of: $0.path) }
        var files: [String] = []
        var leftOut: [String: UnrollOutput] = [:]
        var folders = [""]
        while let inner = folders.popLast() {
            let names = try names(in: "\(root)/\(inner)")
            if let output = UnrollOutput(folder: "\(root)/\(inner)", with: names) {
                leftOut[inner.isEmpty ? folder.lastPathComponent : String(inner.dropLast())] = output
                continue
            }
            for name in names where !name.hasPrefix(".") {
                let path = inner + name
                guard let status = FileStatus(of: "\(root)/\(path)", followingLinks: false) else { continue }
                switch status.kind {
                case .folder:
                    let isExcluded = excluded?.isSameFile(as: status) ?? false
                    if !isExcluded { folders.append(path + "/") }
                case .link where FileStatus(of: "\(root)/\(path)")?.kind != .file:
                    break
                case .file, .link:
                    if let output = UnrollOutput(file: name, in: "\(root)/\(inner)", with: names) {
                        leftOut[path] = output
                    } else {
                        files.append(path)
                    }
                case .other:
                    break
                }
            }
        }
        let notices = sorted(leftOut.keys).compactMap { path in
            leftOut[path].map { TextNotice.leftOut(path: path, $0) }
        }
        guard !files.isEmpty else {
            throw notices.isEmpty ? .emptyFolder(folder: root) : .noTexts(folder: root, notices)
        }
        return (sorted(files).map { URL(fileURLWithPath: "\(root)/\($0)") }, notices)
    }

    private static func sorted(_ paths: some Sequence<String>) -> [String] {
        paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private static func names(in folder: String) throws(TextError) -> Set<String> {
        do {
            return Set(try FileManager.default.contentsOfDirectory(atPath: folder))
        } catch {
            throw .unreadable(file: folder, reason: SystemError.reason(of: error))
        }
    }
}
