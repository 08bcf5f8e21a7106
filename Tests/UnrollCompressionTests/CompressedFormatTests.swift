import Foundation
import Testing
import UnrollBase
import UnrollCompression
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Whether anything but a whole compressed text, and its own model, is an error.
@Suite struct CompressedFormatTests {
    private static let text = Array(
        String(repeating: "The lamp was burning there, in the garden; été. ", count: 8).utf8)

    private let model: LanguageModel
    private let compressed: [UInt8]

    init() throws {
        model = try .untrained(text: "the lamp was burning there, in the garden; T")
        compressed = try model.compress(Self.text, threads: 1)
    }

    private func expect(_ error: CompressionError, of bytes: [UInt8]) async {
        await expectError(error) { _ = try model.decompress(bytes, threads: 1) }
    }

    @Test func otherModelsAreRefused() async throws {
        let other = try LanguageModel.untrained(text: "the lamp was burning there, in the garden; T", seed: 2)
        await expectError(CompressionError.compressedWithAnotherModel) {
            _ = try other.decompress(compressed, threads: 1)
        }
        await expectError(CompressionError.modelNeeded) {
            _ = try Decompressor(threads: 1).decompress(compressed)
        }
    }

    @Test func otherFormulasAreRefused() async throws {
        let models = try TwoFormulas.models(text: "the lamp was burning there, in the garden; T")
        let compressed = try models[0].compress(Self.text, threads: 1)
        #expect(try models[0].decompress(compressed, threads: 1) == Array(Self.text))
        await expectError(CompressionError.compressedWithAnotherModel) {
            _ = try models[1].decompress(compressed, threads: 1)
        }
    }

    @Test func otherFilesAreRefused() async {
        for bytes in [[], [0], Array("a text\n".utf8), [0x1F, 0x8B, 8, 0]] {
            await expect(.notCompressed, of: bytes)
        }
        var newer = compressed
        newer[4] = 9
        await expect(.newerFormat(version: 9), of: newer)
    }

    @Test func everyMissingEndIsNoticed() async {
        for length in 4..<compressed.count { await expect(.truncated, of: Array(compressed[..<length])) }
    }

    @Test func whatWasAddedIsNoticed() async {
        for added in [[0], [10], compressed] {
            await expect(.trailingBytes(at: compressed.count), of: compressed + added)
        }
    }

    /// Each block is whole by itself, so only the text that comes of it can tell that one is missing or comes twice.
    @Test func blocksHaveTheirPlace() throws {
        var source = RandomSource(seed: 4, purpose: .generation)
        // Bytes that do not shrink stay as they are, so that blocks can be found; no character goes on into the second.
        let noise = (0..<1 << 20).map { _ in UInt8(source.integer(below: 256)) } + [0]
        let bytes = Array(noise.dropFirst() + noise.reversed().dropLast())
        let compressed = try model.compress(bytes, threads: 1)
        // The length, 0 tokens, the length again; the block; checksums.
        let (head, tail) = (3 + 1 + 3, 8 + 4)
        let first = try #require(compressed.firstRange(of: bytes[..<64])).lowerBound - head
        let size = head + (1 << 20) + tail
        let blocks = [compressed[first..<first + size], compressed[(first + size)...].prefix(size)]
        let (begin, end) = (compressed[..<first], compressed[(first + 2 * size)...])
        #expect(try model.decompress(begin + blocks[0] + blocks[1] + end, threads: 1) == bytes)
        for order in [[], [0], [1], [1, 0], [0, 0], [0, 1, 1]] {
            #expect(throws: CompressionError.self, "\(order)") {
                try model.decompress(begin + order.flatMap { blocks[$0] } + end, threads: 1)
            }
        }
    }

    /// Every single bit that differs is noticed.
    @Test func everyBitCounts() {
        var changed = compressed
        for index in compressed.indices {
            for bit in 0..<8 {
                changed[index] ^= 1 << UInt8(bit)
                #expect(throws: CompressionError.self) { try model.decompress(changed, threads: 1) }
                changed[index] = compressed[index]
            }
        }
    }

    @Test func aTextOfAnotherLengthIsSaid() async throws {
        await expectError(CompressionError.lengthChanged(expected: 5, actual: 4)) {
            let compressor = Compressor(model, threads: 1, byteCount: 5)
            _ = try compressor.compress(Array("lamp".utf8))
            _ = try compressor.finish()
        }
    }
}
