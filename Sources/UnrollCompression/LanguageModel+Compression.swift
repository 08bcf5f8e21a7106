import UnrollBase
import UnrollGeneration
import UnrollKernels
import UnrollModel

extension LanguageModel {
    /// Compresses bytes, the better the better the model predicts them.
    ///
    /// ```swift
    /// let compressed = try model.compress(Array("the time traveller".utf8))
    /// let text = String(decoding: try model.decompress(compressed), as: UTF8.self)
    /// ```
    ///
    /// ``Compressor`` does it part by part.
    ///
    /// - Parameters:
    ///   - bytes: Any bytes; those of text like the model's become the fewest.
    ///   - precision: What matrix products multiply.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: What `decompress` takes.
    /// - Throws: `GenerationError` for a damaged model, `CancellationError` when the task is cancelled.
    public func compress(
        _ bytes: some Collection<UInt8>, precision: Precision = .float32, threads: Int? = nil
    ) throws -> [UInt8] {
        let compressor = Compressor(
            self, precision: precision, threads: threads, byteCount: bytes.count)
        return try compressor.compress(bytes) + compressor.finish()
    }

    /// Gives back what this model has compressed, in every bit.
    ///
    /// - Parameters:
    ///   - bytes: What `compress` returned, on a machine of the same kind.
    ///   - threads: Threads that compute; as many as there are processors unless said otherwise.
    /// - Returns: The bytes that were compressed.
    /// - Throws: `GenerationError` when the bytes are damaged or were compressed with another model or other kernels;
    ///   `CancellationError` when the task is cancelled.
    public func decompress(_ bytes: some Collection<UInt8>, threads: Int? = nil) throws -> [UInt8] {
        let decompressor = Decompressor(self, threads: threads)
        let text = try decompressor.decompress(bytes)
        try decompressor.finish()
        return text
    }
}
