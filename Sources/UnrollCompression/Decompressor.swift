import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel

/// Gives back what a `Compressor` has compressed, as it comes in parts; nothing that was not checked is handed out.
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
    private let threads: Int?
    /// What has come and was not read yet.
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

    /// Begins to decompress.
    ///
    /// - Parameters:
    ///   - model: The model that the text was compressed with; nil where it was a network that learns on the way.
    ///   - threads: Threads that compute, as for a `Compressor`.
    public init(_ model: LanguageModel? = nil, threads: Int? = nil) {
        self.model = model
        self.threads = threads
    }

    /// Takes in the next part, and returns what is known of the text now, which may be nothing.
    ///
    /// - Throws: `GenerationError` when the bytes are damaged or were compressed with another model or other kernels;
    ///   `CancellationError` when the task is cancelled.
    public func decompress(_ part: some Collection<UInt8>) throws -> [UInt8] {
        pending += part
        var text: [UInt8] = []
        while try readRecord(into: &text) {}
        return text
    }

    /// Checks that nothing is missing.
    ///
    /// - Throws: `GenerationError.truncated`.
    public func finish() throws(GenerationError) {
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
                    throw GenerationError.damaged(at: start)
                }
                stage = .end
            case .block(let block):
                // The coder is this function's alone meanwhile, so that nothing is copied.
                stage = .header
                text += try self.text(of: block, from: &coder, at: start)
                stage = .blocks(header, coder)
            }
        case .end:
            guard pending.isEmpty else { throw GenerationError.bytesBehindTheEnd(at: position) }
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
        do {
            if block.tokenCount == 0 {
                text = Array(block.payload)
                // The encoder has read it, too, before it saw that nothing is gained.
                _ = try coder.encode(Array(block.payload))
            } else {
                text = try coder.decode(
                    block.payload, tokenCount: block.tokenCount, byteCount: block.byteCount)
            }
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
        if let text, text.count == block.byteCount {
            checksum.update(with: text)
            byteCount += text.count
            if checksum.prefix(8) == block.textChecksum { return text }
        }
        throw GenerationError.irreproducible(at: start)
    }

    private func coder(for header: CompressedHeader) throws -> BlockCoder {
        let network: CodingNetwork
        switch header.signature {
        case .model:
            guard let model else { throw GenerationError.modelNeeded }
            network = .model(model)
            guard try network.signature == header.signature else {
                throw GenerationError.compressedWithAnotherModel
            }
        case .adaptive(let alphabet):
            network = .adaptive(alphabet: alphabet)
        }
        let available = KernelLevel.available(for: header.precision)
        guard available.contains(header.kernelLevel) else {
            throw GenerationError.kernelsMissing(header.kernelLevel, header.precision)
        }
        return BlockCoder(
            try network.vocabulary,
            predictor: try network.predictor(
                precision: header.precision, threads: threads, kernelLevel: header.kernelLevel))
    }
}
