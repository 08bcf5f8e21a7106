import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Turns a text into a vector: the mean over its tokens of the top layer's output, `[H]`.
    ///
    /// The text is read as by ``score(_:precision:threads:)``, after a line feed (or the space that preprocessing makes of
    /// one) and nothing else. Texts that the network reads alike have vectors of a similar direction.
    ///
    /// - Parameters:
    ///   - text: The text; it is preprocessed as the model's text was.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The vector, and the number of tokens that were read.
    /// - Throws: `GenerationError.emptyPrompt` when there is nothing to read, `.notANumber` when the model's output is not
    ///   finite; `KernelError` when threads or memory are unavailable; `CancellationError` when the task is canceled.
    public func embedding(
        of text: String, precision: Precision? = nil, threads: Int? = nil
    ) throws -> (vector: [Float], tokenCount: Int) {
        var tokenizer = Tokenizer(vocabulary)
        var text = text
        let ids = text.withUTF8 { tokenizer.tokenize(lineBeginning: $0) }.ids
        guard !ids.isEmpty else { throw GenerationError.emptyPrompt }
        let lead = tokenizer.separatorID.map { [$0] } ?? []
        let sums = try withEngine(precision: precision, threads: threads) { engine in
            try Self.sums(ofOutputsTo: lead + ids, skipping: lead.count, on: engine)
        }
        guard sums.allSatisfy(\.isFinite) else { throw GenerationError.notANumber }
        return (sums.map { Float($0 / Double(ids.count)) }, ids.count)
    }

    /// Adds up the outputs of the top layer to all tokens but the first `skipped`.
    private static func sums(
        ofOutputsTo ids: [Int32], skipping skipped: Int, on engine: any Engine
    ) throws -> [Double] {
        var sums = [Double](repeating: 0, count: engine.configuration.hiddenSize)
        var (minibatch, outputs) = (Minibatch(), [Float]())
        for first in stride(from: 0, to: ids.count, by: BatchScorer.sequenceLength) {
            try Task.checkCancellation()
            let inputs = Array(ids[first..<min(first + BatchScorer.sequenceLength, ids.count)])
            minibatch.reshape(sequenceLength: inputs.count, batchSize: 1, continuesState: first > 0)
            minibatch.inputs = inputs
            // What comes next does not matter here.
            minibatch.targets = inputs
            _ = try engine.evaluate(minibatch)
            for step in inputs.indices where first + step >= skipped {
                try engine.copyUnits(
                    ofState: 0, layer: engine.configuration.layerCount - 1, step: step, row: 0, to: &outputs)
                for (unit, output) in outputs.enumerated() { sums[unit] += Double(output) }
            }
        }
        return sums
    }
}
