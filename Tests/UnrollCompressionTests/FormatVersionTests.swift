import Foundation
import Testing
import UnrollBase
import UnrollCompression
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Compression by any engine, and the committed files of version 1.
@Suite struct FormatVersionTests {
    private static let text = Array(
        String(repeating: "The lamp was burning there, in the garden; été. ", count: 12).utf8)

    private func model() throws -> LanguageModel {
        try .untrained(text: "the lamp was burning there, in the garden; T", hiddenSize: 33)
    }

    private func decompress(_ bytes: [UInt8], _ model: LanguageModel?, _ maker: EngineMaker = .cpu) throws
        -> [UInt8]
    {
        let decompressor = Decompressor(model, maker, threads: 1)
        let text = try decompressor.decompress(bytes)
        try decompressor.finish()
        return text
    }

    private func compress(
        _ bytes: [UInt8], _ model: LanguageModel?, _ maker: EngineMaker = .cpu,
        _ settings: EngineSettings = EngineSettings(threads: 1)
    ) throws -> [UInt8] {
        let compressor = Compressor(model, maker, settings, byteCount: bytes.count)
        return try compressor.compress(bytes) + compressor.finish()
    }

    @Test func theReferenceEngineCompresses() throws {
        let reference = try model().computed(by: .reference)
        let compressed = try compress(Self.text, reference)
        #expect(try decompress(compressed, reference) == Self.text)
        #expect(abs(compressed.count - (try compress(Self.text, model())).count) <= 2)
        #expect(throws: CompressionError.compressedWithAnotherEngine) { try decompress(compressed, model()) }
        #expect(throws: CompressionError.compressedWithAnotherEngine) {
            try decompress(compress(Self.text, model()), reference)
        }
    }

    @Test func theReferenceEngineLearns() throws {
        let text = Array(Self.text.prefix(60))
        let compressed = try compress(text, nil, .reference)
        #expect(try decompress(compressed, nil, .reference) == text)
    }

    /// Float32 by the portable kernels of x86-64.
    ///
    /// Other kernels, and those of other processors, may compute other bits; then the file must be intact but
    /// irreproducible. `UNROLL_FIXTURES=Tests/UnrollCompressionTests/Fixtures` writes them anew, which only a new
    /// version may need.
    @Test(arguments: ["model", "adaptive"]) func version1IsReadable(mode: String) throws {
        let model = mode == "model" ? try model() : nil
        let name = "compressed-1-\(mode).unroll"
        if let folder = ProcessInfo.processInfo.environment["UNROLL_FIXTURES"] {
            let bytes = try compress(
                Self.text, model, .cpu, EngineSettings(threads: 1, kernelLevel: .portable))
            try Data(bytes).write(to: URL(fileURLWithPath: folder).appendingPathComponent(name))
        }
        let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        let bytes = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
        do {
            #expect(try decompress(bytes, model) == Self.text)
        } catch CompressionError.irreproducible {
            #if arch(x86_64)
                throw CompressionError.irreproducible(at: 0)
            #endif
        }
    }
}
