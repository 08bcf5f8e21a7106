import Foundation
import UnrollBase

/// The file of an n-gram model: counts, from which everything else follows.
///
/// After a line that names the format come numbers of seven bits a byte, the lowest first, of which all bytes but the last
/// have the highest bit: the vocabulary's size, the order, and for each length and each context the number of its followers
/// and, for each of these in ascending order, the distance from the token before and the count.
extension NGramModel {
    private static let format = Data("unroll-ngrams 1\n".utf8)

    /// The model as data; equal models are equal data.
    package var data: Data {
        var bytes = [UInt8](Self.format)
        bytes.append(number: UInt64(vocabularySize))
        bytes.append(number: UInt64(order))
        for level in levels {
            for context in level.starts.indices.dropLast() {
                let followers = level.followers(of: context)
                bytes.append(number: UInt64(followers.count))
                var previous: Int32 = -1
                for sequence in followers {
                    bytes.append(number: UInt64(level.tokens[sequence] - previous - 1))
                    bytes.append(number: UInt64(level.counts[sequence]))
                    previous = level.tokens[sequence]
                }
            }
        }
        return Data(bytes)
    }

    /// Reads what ``data`` is.
    ///
    /// - Throws: `FileError.invalid` with the path when it is damaged.
    package init(_ data: Data, path: String) throws(FileError) {
        var reader = NumberReader(bytes: [UInt8](data.dropFirst(Self.format.count)))
        guard data.starts(with: Self.format), let model = Self.read(&reader), reader.isAtEnd else {
            throw .invalid(path: path, reason: "not an n-gram model that Unroll has written")
        }
        self = model
    }

    /// Nil where the numbers are not those of a model.
    private static func read(_ reader: inout NumberReader) -> NGramModel? {
        guard let vocabularySize = reader.next(), vocabularySize <= Int32.max, let order = reader.next(),
            NGramConfiguration.orders.contains(Int(order))
        else { return nil }
        var levels: [NGramLevel] = []
        for _ in 0..<order {
            var (followerCounts, tokens, counts) = ([UInt32](), [Int32](), [UInt32]())
            for _ in 0..<(levels.last?.tokens.count ?? 1) {
                guard let followerCount = reader.next() else { return nil }
                var token = -1
                for _ in 0..<followerCount {
                    guard let distance = reader.next(), let count = reader.next(), count > 0 else {
                        return nil
                    }
                    token += Int(distance) + 1
                    guard token < vocabularySize else { return nil }
                    tokens.append(Int32(token))
                    counts.append(count)
                }
                followerCounts.append(followerCount)
            }
            levels.append(NGramLevel(followerCounts: followerCounts, tokens: tokens, counts: counts))
        }
        return NGramModel(levels, vocabularySize: Int(vocabularySize))
    }
}

/// Reads numbers of seven bits a byte.
private struct NumberReader {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { position == bytes.count }

    /// The next number; nil at the end, or if it has more than 32 bits.
    mutating func next() -> UInt32? {
        var number: UInt64 = 0
        for shift in stride(from: 0 as UInt64, to: 35, by: 7) {
            guard position < bytes.count else { return nil }
            let byte = bytes[position]
            position += 1
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return UInt32(exactly: number) }
        }
        return nil
    }
}
