import Foundation
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel

/// The beginning of a compressed text, in version 1 of the format.
///
/// Four bytes that no text begins with; the version of the format; 0 for a model, 1 for a network that learns while it
/// predicts; its precision; its kernels, 254 for any, 255 for an engine without; of a model the first 16 bytes of its fingerprint,
/// otherwise a bit for each byte that is a token, in 32 bytes; the length of the text plus 1, or 0 if it was not known
/// beforehand; four bytes of checksum. Whole numbers have seven bits in a byte, the lowest first.
struct CompressedHeader {
    static let magic = FileSignature.compressedText
    /// Grows as well when an engine computes other bits than before.
    static let version: UInt8 = 1
    private static let fingerprintSize = 16
    private static let alphabetSize = 32
    private static let precisions: [Precision] = [.float32, .bfloat16, .int8]
    private static let kernelLevels: [KernelLevel] = [.portable, .avx2, .avx512, .avx512bf16]
    private static let anyKernels = 254
    private static let noKernels = 255

    /// The network that it needs.
    enum Signature: Equatable {
        /// The model whose fingerprint begins with these bytes.
        case model([UInt8])
        /// A network that learns while it predicts, whose tokens are these bytes.
        case adaptive(alphabet: [UInt8])
    }

    /// The kernels that compute the same bits.
    enum Kernels: Equatable {
        case level(KernelLevel)
        /// Those of every level.
        case any
        /// The engine has no kernels to choose from.
        case absent

        init(of engine: EngineDescription) {
            switch (engine.kernelLevel, engine.precision) {
            case (nil, _): self = .absent
            case (_?, .int8): self = .any
            case (let level?, _): self = .level(level)
            }
        }
    }

    let signature: Signature
    let precision: Precision
    let kernels: Kernels
    /// The length of the text, if it was known.
    let byteCount: Int?

    init(signature: Signature, precision: Precision, kernels: Kernels, byteCount: Int?) {
        self.signature = signature
        self.precision = precision
        self.kernels = kernels
        self.byteCount = byteCount
    }

    /// The first bytes of a fingerprint, which is hexadecimal, as many as the header has.
    static func bytes(ofFingerprint fingerprint: String) -> [UInt8] {
        var digits = Substring(fingerprint)
        return (0..<fingerprintSize).map { _ in
            defer { digits = digits.dropFirst(2) }
            return UInt8(digits.prefix(2), radix: 16) ?? 0
        }
    }

    var bytes: [UInt8] {
        var bytes = Self.magic + [Self.version]
        let network: [UInt8]
        switch signature {
        case .model(let fingerprint):
            bytes.append(0)
            network = fingerprint
        case .adaptive(let alphabet):
            bytes.append(1)
            var bits = [UInt8](repeating: 0, count: Self.alphabetSize)
            for byte in alphabet { bits[Int(byte) / 8] |= 1 << (byte % 8) }
            network = bits
        }
        bytes.append(UInt8(Self.precisions.firstIndex(of: precision) ?? 0))
        let index: Int? =
            switch kernels {
            case .level(let level): Self.kernelLevels.firstIndex(of: level)
            case .any: Self.anyKernels
            case .absent: nil
            }
        bytes.append(UInt8(index ?? Self.noKernels))
        bytes += network
        bytes.append(number: byteCount.map { UInt64($0) + 1 } ?? 0)
        return bytes + RunningChecksum.prefix(4, of: bytes)
    }

    /// The kernels that a byte stands for; nil for none that there are.
    private static func kernels(at index: Int) -> Kernels? {
        switch index {
        case anyKernels: .any
        case noKernels: .absent
        case kernelLevels.indices: .level(kernelLevels[index])
        default: nil
        }
    }

    /// Reads the header; nil if more bytes are needed.
    init?(_ reader: inout CompressedReader) throws(CompressionError) {
        // The first bytes must be right as far as they are present: others may never come.
        guard zip(Self.magic, reader.rest).allSatisfy(==) else { throw .notCompressed }
        guard reader.rest.count > Self.magic.count else { return nil }
        let version = reader.rest[reader.rest.startIndex + Self.magic.count]
        guard version <= Self.version else { throw .newerFormat(version: Int(version)) }
        let start = reader.position
        guard let fields = reader.take(Self.magic.count + 4)?.suffix(3).map({ Int($0) }) else { return nil }
        guard version > 0, fields[0] <= 1, Self.precisions.indices.contains(fields[1]),
            let kernels = Self.kernels(at: fields[2])
        else { throw .damaged(at: start) }
        guard let network = reader.take(fields[0] == 0 ? Self.fingerprintSize : Self.alphabetSize),
            let length = try reader.number(upTo: Int.max), try reader.check(from: start)
        else { return nil }
        signature =
            fields[0] == 0
            ? .model(Array(network))
            : .adaptive(
                alphabet: (0...UInt8.max).filter {
                    network[network.startIndex + Int($0) / 8] >> ($0 % 8) & 1 == 1
                })
        precision = Self.precisions[fields[1]]
        self.kernels = kernels
        byteCount = length > 0 ? length - 1 : nil
    }
}

/// A part of a compressed text: its length, its number of tokens or 0 if the bytes are stored as they are, the length of
/// the payload, the payload, eight bytes of the checksum of the text up to its end, and four bytes of that of the part.
struct CompressedBlock {
    /// The longest block of text.
    static let maximumSize = 1 << 20

    let byteCount: Int
    let tokenCount: Int
    let payload: ArraySlice<UInt8>
    let textChecksum: [UInt8]

    static func bytes(
        byteCount: Int, tokenCount: Int, payload: [UInt8], textChecksum: [UInt8]
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: UInt64(byteCount))
        bytes.append(number: UInt64(tokenCount))
        bytes.append(number: UInt64(payload.count))
        bytes += payload
        bytes += textChecksum
        return bytes + RunningChecksum.prefix(4, of: bytes)
    }

    /// The end: a block of length 0, the length of all of the text, a checksum.
    static func end(byteCount: Int) -> [UInt8] {
        var bytes: [UInt8] = [0]
        bytes.append(number: UInt64(byteCount))
        return bytes + RunningChecksum.prefix(4, of: bytes)
    }
}

/// What follows the header.
enum CompressedRecord {
    case block(CompressedBlock)
    case end(byteCount: Int)

    /// Reads a record; nil if more bytes are needed.
    init?(_ reader: inout CompressedReader) throws(CompressionError) {
        let start = reader.position
        guard let byteCount = try reader.number(upTo: CompressedBlock.maximumSize) else { return nil }
        if byteCount == 0 {
            guard let total = try reader.number(upTo: Int.max), try reader.check(from: start) else {
                return nil
            }
            self = .end(byteCount: total)
            return
        }
        guard let tokenCount = try reader.number(upTo: byteCount),
            let payloadCount = try reader.number(upTo: byteCount),
            let payload = reader.take(payloadCount), let textChecksum = reader.take(8),
            try reader.check(from: start)
        else { return nil }
        guard tokenCount > 0 || payloadCount == byteCount else { throw .damaged(at: start) }
        self = .block(
            CompressedBlock(
                byteCount: byteCount, tokenCount: tokenCount, payload: payload,
                textChecksum: Array(textChecksum)))
    }
}

/// Reads numbers and checksums from the bytes that are present.
struct CompressedReader {
    private let bytes: [UInt8]
    /// The number of bytes of the compressed text before these.
    private let offset: Int
    private var index = 0

    init(_ bytes: [UInt8], offset: Int) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Bytes of the compressed text that have been read.
    var position: Int { offset + index }
    var rest: ArraySlice<UInt8> { bytes[index...] }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count - index else { return nil }
        defer { index += count }
        return bytes[index..<index + count]
    }

    /// A whole number; nil if more bytes are needed.
    mutating func number(upTo maximum: Int) throws(CompressionError) -> Int? {
        let start = position
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 63, by: 7) {
            guard let byte = take(1)?.first else { return nil }
            number |= UInt64(byte & 0x7F) << UInt64(shift)
            guard byte >= 0x80 else {
                guard number <= UInt64(maximum) else { throw .damaged(at: start) }
                return Int(number)
            }
        }
        throw .damaged(at: start)
    }

    /// Checks the checksum of everything since `start`; false if more bytes are needed.
    mutating func check(from start: Int) throws(CompressionError) -> Bool {
        let checksum = RunningChecksum.prefix(4, of: bytes[start - offset..<index])
        guard let found = take(4) else { return false }
        guard found.elementsEqual(checksum) else { throw .damaged(at: start) }
        return true
    }
}
