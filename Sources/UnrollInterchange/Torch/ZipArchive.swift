import Foundation
import UnrollBase

/// A zip archive in memory whose members are stored as they are: the container of PyTorch's files.
///
/// Compressed and encrypted members are refused when they are read. See the `APPNOTE.TXT` of PKWARE, version 6.3.
struct ZipArchive {
    /// A file of the archive.
    private struct Member {
        let bytes: Range<Int>
        let checksum: UInt32
        let isReadable: Bool
    }

    private let data: Data
    private let path: String
    private var members: [String: Member] = [:]

    /// The bytes that begin an archive with members.
    static let signature: [UInt8] = [0x50, 0x4B, 3, 4]

    private enum Signature {
        static let member: UInt32 = 0x0403_4B50
        static let entry: UInt32 = 0x0201_4B50
        static let end: UInt32 = 0x0605_4B50
        static let wideEnd: UInt32 = 0x0606_4B50
        static let wideEndLocator: UInt32 = 0x0706_4B50
    }

    /// Reads the directory of an archive; `path` is for the errors.
    ///
    /// - Throws: `FileError.invalid` if anything points outside the file or contradicts itself.
    init(_ data: Data, path: String) throws(FileError) {
        (self.data, self.path) = (data, path)
        let directory = try findDirectory()
        var offset = directory.lowerBound
        while offset < directory.upperBound {
            offset = try readEntry(at: offset, in: directory)
        }
    }

    /// The names of all members.
    var names: some Collection<String> { members.keys }

    /// Returns the contents of a member after comparing them with its checksum; nil if there is none of that name.
    ///
    /// - Throws: `FileError.invalid` if the checksum differs; `ImportError.unsupportedFile` for a compressed member.
    func contents(of name: String) throws -> Data? {
        guard let member = members[name] else { return nil }
        guard member.isReadable else { throw ImportError.unsupportedFile(path: path, .compressedArchive) }
        let contents = data[member.bytes]
        guard CRC32.zip.checksum(of: contents) == member.checksum else {
            throw damaged("'\(name)' has another checksum than the archive says")
        }
        return contents
    }

    private func damaged(_ reason: String) -> FileError {
        .invalid(path: path, reason: EscapedText.line("not a whole zip archive: \(reason)"))
    }
}

// MARK: - The directory

extension ZipArchive {
    /// The bytes of the directory, which the record at the end of the file names.
    private func findDirectory() throws(FileError) -> Range<Int> {
        let (end, wideLocatorSize) = (try findEnd(), 20)
        var size = UInt64(try number(UInt32.self, at: end + 12))
        var start = UInt64(try number(UInt32.self, at: end + 16))
        // Archives past four gigabytes, and those of writers that always want room, have a second, wider record.
        let locator = end - wideLocatorSize
        if data.number(UInt32.self, at: locator) == Signature.wideEndLocator {
            let place = try offset(number(UInt64.self, at: locator + 8))
            guard data.number(UInt32.self, at: place) == Signature.wideEnd else {
                throw damaged("its directory is not where it should be")
            }
            size = try number(UInt64.self, at: place + 40)
            start = try number(UInt64.self, at: place + 48)
        }
        let (first, count) = (try offset(start), try offset(size))
        guard count <= end - first else { throw damaged("its directory is not in the file") }
        return first..<first + count
    }

    /// The offset of the record at the end, which a comment may follow.
    private func findEnd() throws(FileError) -> Int {
        let (size, longestComment) = (22, 0xFFFF)
        for comment in 0...longestComment where data.count - size - comment >= 0 {
            let offset = data.count - size - comment
            if data.number(UInt32.self, at: offset) == Signature.end,
                data.number(UInt16.self, at: offset + 20).map(Int.init) == comment
            {
                return offset
            }
        }
        throw damaged("it is cut off")
    }

    /// Reads the entry of one member and returns the offset of the next.
    private mutating func readEntry(at start: Int, in directory: Range<Int>) throws(FileError) -> Int {
        guard data.number(UInt32.self, at: start) == Signature.entry else {
            throw damaged("its directory has \(directory.upperBound - start) bytes too many")
        }
        let nameStart = start + 46
        let nameEnd = nameStart + Int(try number(UInt16.self, at: start + 28))
        let extraEnd = nameEnd + Int(try number(UInt16.self, at: start + 30))
        let end = extraEnd + Int(try number(UInt16.self, at: start + 32))
        guard end <= directory.upperBound else { throw damaged("its directory is cut off") }
        let name = String(decoding: data[nameStart..<nameEnd], as: UTF8.self)
        var wide = WideNumbers(data[nameEnd..<extraEnd])
        let size = wide.value(of: try number(UInt32.self, at: start + 24))
        let storedSize = wide.value(of: try number(UInt32.self, at: start + 20))
        let place = wide.value(of: try number(UInt32.self, at: start + 42))
        guard let size, let storedSize, let place else { throw damaged("'\(name)' has no size") }
        let (flags, method) = (
            try number(UInt16.self, at: start + 8), try number(UInt16.self, at: start + 10)
        )
        let isReadable = flags & 1 == 0 && method == 0
        guard !isReadable || size == storedSize else { throw damaged("'\(name)' has two sizes") }
        let member = Member(
            bytes: try contents(at: offset(place), count: offset(storedSize), before: directory.lowerBound),
            checksum: try number(UInt32.self, at: start + 16), isReadable: isReadable)
        guard members.updateValue(member, forKey: name) == nil else {
            throw damaged("it has two members '\(name)'")
        }
        return end
    }

    /// The bytes of a member after the header that repeats its name.
    private func contents(at start: Int, count: Int, before end: Int) throws(FileError) -> Range<Int> {
        guard data.number(UInt32.self, at: start) == Signature.member else {
            throw damaged("a member is not where it should be")
        }
        let headerSize = 30
        let nameLength = Int(try number(UInt16.self, at: start + 26))
        let first = start + headerSize + nameLength + Int(try number(UInt16.self, at: start + 28))
        guard first <= end, count <= end - first else { throw damaged("a member is cut off") }
        return first..<first + count
    }

    private func number<Word: FixedWidthInteger & BitwiseCopyable>(
        _ type: Word.Type, at offset: Int
    ) throws(FileError) -> Word {
        guard let number = data.number(type, at: offset) else { throw damaged("it is cut off") }
        return number
    }

    /// A number of bytes that the file can have.
    private func offset(_ value: UInt64) throws(FileError) -> Int {
        guard value <= UInt64(data.count) else { throw damaged("it is cut off") }
        return Int(value)
    }
}

/// The 64-bit numbers of an entry, which stand in for those that do not fit 32 bits, in their order.
private struct WideNumbers {
    private var numbers: [UInt64] = []
    private var used = 0

    /// Looks for the field of 64-bit numbers among the extra fields of an entry.
    init(_ extra: Data) {
        var offset = 0
        while let kind = extra.number(UInt16.self, at: offset),
            let size = extra.number(UInt16.self, at: offset + 2)
        {
            if kind == 1 {
                numbers = (0..<Int(size) / 8).compactMap {
                    extra.number(UInt64.self, at: offset + 4 + $0 * 8)
                }
                return
            }
            offset += 4 + Int(size)
        }
    }

    /// The number that an entry means; nil if it is missing.
    mutating func value(of number: UInt32) -> UInt64? {
        guard number == .max else { return UInt64(number) }
        guard used < numbers.count else { return nil }
        defer { used += 1 }
        return numbers[used]
    }
}

extension Data {
    /// The number that little-endian bytes at an offset from the beginning make; nil where there are too few.
    func number<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type, at offset: Int) -> Word? {
        guard offset >= 0, offset <= count - MemoryLayout<Word>.size else { return nil }
        return withUnsafeBytes {
            Word(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type))
        }
    }
}
