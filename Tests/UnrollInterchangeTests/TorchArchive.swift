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

    /// The file; a `wide` one has the fields of archives past four gigabytes, which any archive may have.
    func bytes(wide: Bool = false) -> [UInt8] {
        var (file, directory) = ([UInt8](), [UInt8]())
        for (name, contents) in members {
            let checksum = Int(CRC32.zip.checksum(of: Data(contents)))
            let (size, place) = (contents.count, file.count)
            // Flags, method, time and date are zero.
            let start = number(0, 8) + number(checksum, 4)
            file +=
                [0x50, 0x4B, 3, 4, 45, 0] + start + number(size, 4) + number(size, 4)
                + number(name.utf8.count, 2) + number(0, 2) + Array(name.utf8) + contents
            let extra =
                wide ? number(1, 2) + number(24, 2) + [size, size, place].flatMap { number($0, 8) } : []
            directory += [0x50, 0x4B, 1, 2, 45, 0, 45, 0] + start
            directory += number(wide ? -1 : size, 4) + number(wide ? -1 : size, 4)
            directory += number(name.utf8.count, 2) + number(extra.count, 2) + number(0, 10)
            directory += number(wide ? -1 : place, 4) + Array(name.utf8) + extra
        }
        let place = file.count
        file += directory
        if wide {
            let end = file.count
            file += [0x50, 0x4B, 6, 6] + number(44, 8) + number(45, 2) + number(45, 2) + number(0, 8)
            file += number(members.count, 8) + number(members.count, 8) + number(directory.count, 8)
            file += number(place, 8) + [0x50, 0x4B, 6, 7] + number(0, 4) + number(end, 8) + number(1, 4)
        }
        file += [0x50, 0x4B, 5, 6] + number(0, 4) + number(members.count, 2) + number(members.count, 2)
        return file + number(wide ? -1 : directory.count, 4) + number(wide ? -1 : place, 4) + number(0, 2)
    }

    /// The little-endian bytes of a number.
    private func number(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
