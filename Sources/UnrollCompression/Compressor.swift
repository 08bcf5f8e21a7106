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
/// Any bytes can be compressed: what the model's vocabulary lacks is escaped, and a block that would grow is kept as it is.
/// Memory is bounded by the model and a block of a megabyte. Who decompresses must compute the same bits: any number of
/// threads gives them, other kernels do not, so the compressed text names its kernels.
///
/// Witten, Neal, Cleary, "Arithmetic coding for data compression", 1987.
public final class Compressor {
    /// The model, or nil for a network that learns on the way.
    private let model: LanguageModel?
    private let precision: Precision
    private let threads: Int?
    private let kernelLevel: KernelLevel?
    /// Made for the first block.
    private var coder: BlockCoder?
    /// What waits to become a block.
    private var pending: [UInt8] = []
    /// What has not been handed out.
    private var output: [UInt8] = []
    private var checksum = RunningChecksum()
    private var byteCount = 0
    private let expectedByteCount: Int?

    /// Begins to compress with a model.
    ///
    /// - Parameters:
    ///   - model: What predicts the text; the same one decompresses it.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    ///   - byteCount: The length of all parts together, if it is known, to be written at the beginning.
    public convenience init(
        _ model: LanguageModel, precision: Precision = .float32, threads: Int? = nil, byteCount: Int? = nil
    ) {
        self.init(model, precision: precision, threads: threads, kernelLevel: nil, byteCount: byteCount)
    }

    /// Begins to compress with a network that learns on the way and needs no model.
    ///
    /// - Parameters:
    ///   - threads: Threads that compute, one unless said otherwise: more hardly help.
    ///   - byteCount: The length of all parts together, if it is known, to be written at the beginning.
    public convenience init(adaptiveWithThreads threads: Int? = nil, byteCount: Int? = nil) {
        self.init(nil, precision: .float32, threads: threads, kernelLevel: nil, byteCount: byteCount)
    }

    package init(
        _ model: LanguageModel?, precision: Precision, threads: Int?, kernelLevel: KernelLevel?,
        byteCount: Int?
    ) {
        self.model = model
        self.precision = precision
        self.threads = threads
        self.kernelLevel = kernelLevel
        expectedByteCount = byteCount
    }

    /// Takes in the next part, and returns what is ready of the compressed text, which may be nothing.
    ///
    /// - Throws: `GenerationError` when the engine refuses the model or the threads, or the model is damaged;
    ///   `CancellationError` when the task is cancelled.
    public func compress(_ part: some Collection<UInt8>) throws -> [UInt8] {
        pending += part
        // One byte more, to see whether a character goes on behind the end.
        while pending.count > blockSize {
            var end = blockSize
            while end > blockSize - 4, pending[end] & 0xC0 == 0x80 { end -= 1 }
            try addBlock(Array(pending[..<end]))
            pending.removeFirst(end)
        }
        defer { output = [] }
        return output
    }

    /// Returns the rest of the compressed text; nothing can be added any more.
    ///
    /// - Throws: `GenerationError.lengthChanged` when there were more or fewer bytes than said at the beginning, and as
    ///   `compress`.
    public func finish() throws -> [UInt8] {
        if !pending.isEmpty || coder == nil { try addBlock(pending) }
        pending = []
        if let expectedByteCount, byteCount != expectedByteCount {
            throw GenerationError.lengthChanged(expected: expectedByteCount, actual: byteCount)
        }
        defer { output = [] }
        return output + CompressedBlock.end(byteCount: byteCount)
    }

    /// How long the next block may be: the lanes of a network that learns should not begin with the text's far ends.
    private var blockSize: Int {
        model == nil
            ? min(max(1 << 16, 3 * byteCount), CompressedBlock.maximumSize) : CompressedBlock.maximumSize
    }

    private func addBlock(_ block: [UInt8]) throws {
        var coder = try self.coder ?? begin(with: block)
        // The coder is this function's alone meanwhile, so that nothing is copied.
        self.coder = nil
        defer { self.coder = coder }
        guard !block.isEmpty else { return }
        checksum.update(with: block)
        byteCount += block.count
        let (tokenCount, payload): (Int, [UInt8])
        do {
            (tokenCount, payload) = try coder.encode(block)
        } catch let error as EngineError {
            throw GenerationError.engine(error)
        }
        let shrinks = payload.count < block.count
        output += CompressedBlock.bytes(
            byteCount: block.count, tokenCount: shrinks ? tokenCount : 0,
            payload: shrinks ? payload : block, textChecksum: checksum.prefix(8))
    }

    /// Writes the header.
    private func begin(with block: [UInt8]) throws -> BlockCoder {
        // A network with tokens that do not occur learns more slowly; bytes that come later are escaped.
        let alphabet = Set(block.isEmpty ? Array(0...UInt8.max) : block).sorted()
        let network = model.map(CodingNetwork.model) ?? .adaptive(alphabet: alphabet)
        let predictor = try network.predictor(
            precision: precision, threads: threads, kernelLevel: kernelLevel)
        output =
            CompressedHeader(
                signature: try network.signature, precision: precision,
                kernelLevel: predictor.engine.kernelLevel, byteCount: expectedByteCount
            ).bytes
        return BlockCoder(try network.vocabulary, predictor: predictor)
    }
}
