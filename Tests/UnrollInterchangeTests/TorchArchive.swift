import Foundation
import UnrollBase

/// A file as `torch.save` writes it, made by hand: members stored one after the other, and their directory.
struct TorchArchive {
    var members: [(name: String, contents: [UInt8])]

    /// An archive with a pickle and the elements of one storage.
    init(pickle: [UInt8], elements: [UInt8] = [UInt8](repeating: 0, count: 64)) {
        members = [("a/data.pkl", pickle), ("a/data/0", elements)]
    }

    /// The members of an archive whose members are stored without more than a name.
    init(_ file: [UInt8]) {
        members = []
        var offset = 0
        func number(_ place: Int, _ size: Int) -> Int {
            file[place..<place + size].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        // The directory has the sizes; its place is in the record at the end.
        offset = number(file.count - 6, 4)
        while file[offset..<offset + 4].elementsEqual([0x50, 0x4B, 1, 2]) {
            let (size, nameLength, local) = (
                number(offset + 24, 4), number(offset + 28, 2), number(offset + 42, 4)
            )
            let name = String(decoding: file[offset + 46..<offset + 46 + nameLength], as: UTF8.self)
            let start = local + 30 + number(local + 26, 2) + number(local + 28, 2)
            members.append((name, Array(file[start..<start + size])))
            offset += 46 + nameLength + number(offset + 30, 2) + number(offset + 32, 2)
        }
    }

    /// The file.
    var bytes: [UInt8] {
        var (file, directory) = ([UInt8](), [UInt8]())
        for (name, contents) in members {
            let checksum = CRC32.zip.checksum(of: Data(contents))
            // Flags, method, time and date are zero.
            let common =
                bytes(0, 8) + bytes(Int(checksum), 4) + bytes(contents.count, 4) + bytes(contents.count, 4)
                + bytes(name.utf8.count, 2) + bytes(0, 2)
            directory +=
                [0x50, 0x4B, 1, 2, 20, 0, 20, 0] + common + bytes(0, 10) + bytes(file.count, 4)
                + Array(name.utf8)
            file += [0x50, 0x4B, 3, 4, 20, 0] + common + Array(name.utf8) + contents
        }
        let end =
            [0x50, 0x4B, 5, 6] + bytes(0, 4) + bytes(members.count, 2) + bytes(members.count, 2)
            + bytes(directory.count, 4) + bytes(file.count, 4) + bytes(0, 2)
        return file + directory + end
    }

    private func bytes(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
