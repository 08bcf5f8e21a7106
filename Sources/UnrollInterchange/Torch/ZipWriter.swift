import Foundation
import UnrollBase

/// A writer of a ZIP archive whose members are stored as they are, each from a multiple of 64 bytes on, as PyTorch maps
/// them into memory.
///
/// See <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>. Archives of 4 GiB and more, which need other fields,
/// are not written.
struct ZipWriter {
    /// The largest archive, and the most members, of those without further fields.
    private static let (maximumSize, maximumCount) = (Int(UInt32.max) - 1, Int(UInt16.max) - 1)

    private static let alignment = 64
    /// The id of the field that fills the gap before a member's contents, as in PyTorch's own archives.
    private static let paddingID: UInt16 = 0x4246
    /// The flag of names in UTF-8.
    private static let flags: UInt16 = 1 << 11
    /// The version of the format in which members are stored.
    private static let version: UInt16 = 10
    /// January 1, 1980, where MS-DOS begins to count: equal members make equal archives.
    private static let (time, date): (UInt16, UInt16) = (0, 0x21)

    private let path: String
    private var members = Data()
    private var directory = Data()
    private var count = 0

    /// Begins an archive; `path` is for the error.
    init(_ path: String) {
        self.path = path
    }

    /// Adds a member.
    ///
    /// - Throws: `ExportError.tooLarge` or `.tooManyTensors`.
    mutating func add(_ name: String, _ contents: Data) throws(ExportError) {
        guard count < Self.maximumCount else { throw .tooManyTensors(file: path, limit: Self.maximumCount) }
        let offset = members.count
        let nameBytes = Data(name.utf8)
        // Of the local header, the name, and the padding field itself.
        let start = offset + 30 + nameBytes.count + 4
        let padding = (Self.alignment - start % Self.alignment) % Self.alignment
        try ExportError.check(
            start + padding + contents.count + directory.count + (1 << 16), of: path, limit: Self.maximumSize)
        var facts = Data()
        facts.append(word: Self.version)
        facts.append(word: Self.flags)
        // Stored, not compressed.
        facts.append(word: UInt16(0))
        facts.append(word: Self.time)
        facts.append(word: Self.date)
        facts.append(word: CRC32.zip.checksum(of: contents))
        facts.append(word: UInt32(contents.count))
        facts.append(word: UInt32(contents.count))
        facts.append(word: UInt16(truncatingIfNeeded: nameBytes.count))

        members.append(word: UInt32(0x0403_4B50))
        members += facts
        members.append(word: UInt16(4 + padding))
        members += nameBytes
        members.append(word: Self.paddingID)
        members.append(word: UInt16(padding))
        members += Data(repeating: UInt8(ascii: "Z"), count: padding)
        members += contents

        directory.append(word: UInt32(0x0201_4B50))
        directory.append(word: Self.version)
        directory += facts
        // No extra field, no comment, first disk, no attributes.
        directory += Data(repeating: 0, count: 12)
        directory.append(word: UInt32(offset))
        directory += nameBytes
        count += 1
    }

    /// The whole archive.
    var archive: Data {
        var end = Data()
        end.append(word: UInt32(0x0605_4B50))
        end.append(word: UInt32(0))
        end.append(word: UInt16(truncatingIfNeeded: count))
        end.append(word: UInt16(truncatingIfNeeded: count))
        end.append(word: UInt32(directory.count))
        end.append(word: UInt32(members.count))
        end.append(word: UInt16(0))
        return members + directory + end
    }
}

extension Data {
    /// Appends a number, its lowest byte first.
    fileprivate mutating func append(word: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
    }
}
