import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText

/// Compresses bytes that come one part after another, by arithmetic coding with the probabilities of a network.
///
/// ```swift
/// let compressor = try Compressor(model)
/// while let part = try input.read(upToCount: 1 << 16), !part.isEmpty {
///     try output.write(contentsOf: compressor.compress(part))
/// }
/// try output.write(contentsOf: compressor.finish())
/// ```
///
/// Any bytes can be compressed: what the model's vocabulary lacks is escaped, and a block that would grow is stored as it
/// is. Memory is bounded by the model and a block of a megabyte. Decompression must compute the same bits: any number of
/// threads gives them, other kernels do not, so the compressed text names its kernels. In int8 all kernels do.
///
/// Witten, Neal, Cleary, "Arithmetic coding for data compression", 1987.
public final class Compressor {
    /// The model, or nil for a network that learns while it predicts.
    private let model: LanguageModel?
    /// Makes the engine of a network that learns.
    private let maker: EngineMaker
    private let settings: EngineSettings
    /// Made for the first block.
    private var coder: BlockCoder?
    /// Bytes that are not yet a block.
    private var pending: [UInt8] = []
    /// Compressed bytes that were not returned yet.
    private var output: [UInt8] = []
    private var checksum = RunningChecksum()
    private var byteCount = 0
    private let expectedByteCount: Int?

    /// Creates a compressor with a model, by the engine that the model is computed by.
    ///
    /// - Parameters:
    ///   - model: The model that predicts the text; the same one decompresses it.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    ///   - byteCount: The length of all parts together, to be written at the beginning. Default: unknown.
    public convenience init(
        _ model: LanguageModel, precision: Precision? = nil, threads: Int? = nil, byteCount: Int? = nil
    ) {
        self.init(
            model, .cpu, EngineSettings(precision: precision ?? model.precision, threads: threads),
            byteCount: byteCount)
    }

    /// Creates a compressor with a network that learns while it predicts and needs no model.
    ///
    /// - Parameters:
    ///   - threads: Threads that compute. Default: one, as more hardly help.
    ///   - byteCount: The length of all parts together, to be written at the beginning. Default: unknown.
    /// - Returns: The compressor.
    public static func adaptive(threads: Int? = nil, byteCount: Int? = nil) -> Compressor {
        Compressor(nil, .cpu, EngineSettings(threads: threads), byteCount: byteCount)
    }

    /// Creates a compressor with a model or, without one, with a network that learns, in an engine of some kind.
    package init(
        _ model: LanguageModel?, _ maker: EngineMaker, _ settings: EngineSettings, byteCount: Int? = nil
    ) {
        self.model = model
        self.maker = maker
        self.settings = settings
        expectedByteCount = byteCount
    }

    /// Adds the next part, and returns the compressed bytes that are ready, which may be none.
    ///
    /// - Throws: `GenerationError.notANumber` when the model is damaged, `KernelError` when kernels, threads or memory are
    ///   unavailable, `CancellationError` when the task is canceled.
    public func compress(_ part: some Collection<UInt8>) throws -> [UInt8] {
        pending += part
        // One byte more, to see whether a character continues after the end.
        while pending.count > blockSize {
            var end = blockSize
            while end > blockSize - 4, pending[end] & 0xC0 == 0x80 { end -= 1 }
            try addBlock(Array(pending[..<end]))
            pending.removeFirst(end)
        }
        defer { output = [] }
        return output
    }

    /// Returns the rest of the compressed bytes; nothing can be added afterwards.
    ///
    /// - Throws: `CompressionError.lengthChanged` when there were more or fewer bytes than announced, and what
    ///   ``compress(_:)`` throws.
    public func finish() throws -> [UInt8] {
        if !pending.isEmpty || coder == nil { try addBlock(pending) }
        pending = []
        if let expectedByteCount, byteCount != expectedByteCount {
            throw CompressionError.lengthChanged(expected: expectedByteCount, actual: byteCount)
        }
        defer { output = [] }
        return output + CompressedBlock.end(byteCount: byteCount)
    }

    /// The length of the next block: the lanes of a network that learns should not start far apart in the text.
    private var blockSize: Int {
        model == nil
            ? min(max(1 << 16, 3 * byteCount), CompressedBlock.maximumSize) : CompressedBlock.maximumSize
    }

    private func addBlock(_ block: [UInt8]) throws {
        var coder = try self.coder ?? begin(with: block)
        // Only this function refers to the coder meanwhile, so that nothing is copied.
        self.coder = nil
        defer { self.coder = coder }
        guard !block.isEmpty else { return }
        checksum.update(with: block)
        byteCount += block.count
        let (tokenCount, payload) = try coder.encode(block)
        let shrinks = payload.count < block.count
        output += CompressedBlock.bytes(
            byteCount: block.count, tokenCount: shrinks ? tokenCount : 0,
            payload: shrinks ? payload : block, textChecksum: checksum.prefix(8))
    }

    /// Writes the header.
    private func begin(with block: [UInt8]) throws -> BlockCoder {
        // A network with tokens that do not occur learns more slowly; bytes that come later are escaped.
        let alphabet = Set(block.isEmpty ? Array(0...UInt8.max) : block).sorted()
        let network = model.map(CodingNetwork.model) ?? .adaptive(alphabet: alphabet, maker)
        let predictor = try network.predictor(settings)
        output =
            CompressedHeader(
                signature: try network.signature, precision: settings.precision,
                kernels: .init(of: predictor.engine.description), byteCount: expectedByteCount
            ).bytes
        return BlockCoder(try network.vocabulary, predictor: predictor)
    }
}

extension LanguageModel {
    /// Compresses bytes: the better the model predicts them, the fewer remain.
    ///
    /// ```swift
    /// let compressed = try model.compress(Array("the time traveller".utf8))
    /// let text = String(decoding: try model.decompress(compressed), as: UTF8.self)
    /// ```
    ///
    /// ``Compressor`` does it part by part.
    ///
    /// - Parameters:
    ///   - bytes: Any bytes; text like the model's shrinks most.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The compressed bytes, for ``decompress(_:threads:)``.
    /// - Throws: What ``Compressor/compress(_:)`` throws.
    public func compress(
        _ bytes: some Collection<UInt8>, precision: Precision? = nil, threads: Int? = nil
    ) throws -> [UInt8] {
        let compressor = Compressor(
            self, precision: precision, threads: threads, byteCount: bytes.count)
        return try compressor.compress(bytes) + compressor.finish()
    }

    /// Returns what this model has compressed, bit for bit.
    ///
    /// - Parameters:
    ///   - bytes: The result of ``compress(_:precision:threads:)``, on a machine of the same kind.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The bytes that were compressed.
    /// - Throws: What ``Decompressor/decompress(_:)`` and ``Decompressor/finish()`` throw.
    public func decompress(_ bytes: some Collection<UInt8>, threads: Int? = nil) throws -> [UInt8] {
        let decompressor = Decompressor(self, threads: threads)
        let text = try decompressor.decompress(bytes)
        try decompressor.finish()
        return text
    }
}
