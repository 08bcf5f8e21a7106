import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel

/// Returns what a ``Compressor`` has compressed, part by part; only bytes that were checked are returned.
///
/// ```swift
/// let decompressor = Decompressor(model)
/// while let part = try input.read(upToCount: 1 << 16), !part.isEmpty {
///     try output.write(contentsOf: decompressor.decompress(part))
/// }
/// try decompressor.finish()
/// ```
public final class Decompressor {
    private let model: LanguageModel?
    /// Makes the engine of a network that learns.
    private let maker: EngineMaker
    private let threads: Int?
    /// Bytes that were not read yet.
    private var pending: [UInt8] = []
    /// Bytes of the compressed text before these.
    private var position = 0
    private var stage = Stage.header
    private var checksum = RunningChecksum()
    private var byteCount = 0

    private enum Stage {
        case header
        case blocks(CompressedHeader, BlockCoder)
        case end
    }

    /// Creates a decompressor.
    ///
    /// - Parameters:
    ///   - model: The model that the text was compressed with. Default: nil, for a network that learns while it predicts.
    ///   - threads: Threads that compute, as for a ``Compressor``.
    public convenience init(_ model: LanguageModel? = nil, threads: Int? = nil) {
        self.init(model, .cpu, threads: threads)
    }

    /// Creates a decompressor whose engine, without a model, is of some kind.
    package init(_ model: LanguageModel?, _ maker: EngineMaker, threads: Int?) {
        self.model = model
        self.maker = maker
        self.threads = threads
    }

    /// Adds the next part, and returns the bytes of the text that are certain now, which may be none.
    ///
    /// - Throws: `CompressionError` when the bytes are damaged or were compressed with another model or other kernels,
    ///   `KernelError` when threads or memory are unavailable, `CancellationError` when the task is canceled.
    public func decompress(_ part: some Collection<UInt8>) throws -> [UInt8] {
        pending += part
        var text: [UInt8] = []
        while try readRecord(into: &text) {}
        return text
    }

    /// Checks that nothing is missing.
    ///
    /// - Throws: `CompressionError.truncated` or `.notCompressed`.
    public func finish() throws(CompressionError) {
        guard case .end = stage else {
            throw position == 0 && pending.count < CompressedHeader.magic.count ? .notCompressed : .truncated
        }
    }

    /// Reads a header, a block or the end; false if more bytes are needed.
    private func readRecord(into text: inout [UInt8]) throws -> Bool {
        var reader = CompressedReader(pending, offset: position)
        switch stage {
        case .header:
            guard let header = try CompressedHeader(&reader) else { return false }
            stage = .blocks(header, try coder(for: header))
        case .blocks(let header, var coder):
            let start = position
            guard let record = try CompressedRecord(&reader) else { return false }
            switch record {
            case .end(let total):
                guard total == byteCount, header.byteCount.map({ $0 == total }) ?? true else {
                    throw CompressionError.damaged(at: start)
                }
                stage = .end
            case .block(let block):
                // Only this function refers to the coder meanwhile, so that nothing is copied.
                stage = .header
                text += try self.text(of: block, from: &coder, at: start)
                stage = .blocks(header, coder)
            }
        case .end:
            guard pending.isEmpty else { throw CompressionError.trailingBytes(at: position) }
            return false
        }
        pending.removeFirst(reader.position - position)
        position = reader.position
        return true
    }

    private func text(
        of block: CompressedBlock, from coder: inout BlockCoder, at start: Int
    ) throws -> [UInt8] {
        let text: [UInt8]?
        if block.tokenCount == 0 {
            text = Array(block.payload)
            // The encoder read it as well, before it saw that nothing is gained.
            _ = try coder.encode(Array(block.payload))
        } else {
            text = try coder.decode(
                block.payload, tokenCount: block.tokenCount, byteCount: block.byteCount)
        }
        if let text, text.count == block.byteCount {
            checksum.update(with: text)
            byteCount += text.count
            if checksum.prefix(8) == block.textChecksum { return text }
        }
        throw CompressionError.irreproducible(at: start)
    }

    private func coder(for header: CompressedHeader) throws -> BlockCoder {
        let network: CodingNetwork
        switch header.signature {
        case .model:
            guard let model else { throw CompressionError.modelNeeded }
            network = .model(model)
            guard try network.signature == header.signature else {
                throw CompressionError.compressedWithAnotherModel
            }
        case .adaptive(let alphabet):
            network = .adaptive(alphabet: alphabet, maker)
        }
        let level: KernelLevel?
        switch header.kernels {
        case .level(let needed):
            guard KernelLevel.available(for: header.precision).contains(needed) else {
                throw CompressionError.kernelsMissing(needed, header.precision)
            }
            level = needed
        case .any, .absent:
            level = nil
        }
        let predictor = try network.predictor(
            EngineSettings(
                precision: header.precision, threads: threads, kernelLevel: level))
        guard CompressedHeader.Kernels(of: predictor.engine.description) == header.kernels else {
            throw CompressionError.compressedWithAnotherEngine
        }
        return BlockCoder(try network.vocabulary, predictor: predictor)
    }
}
