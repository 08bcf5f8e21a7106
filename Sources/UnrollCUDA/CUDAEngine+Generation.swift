import UnrollBase
import UnrollEngine

extension CUDAEngine {
    /// Generates texts in few launches, with all weights on the chip, where persistent kernels were asked for and the
    /// network fits.
    ///
    /// Tokens are those that `TokenSampler` chooses, except where two are so nearly equally probable that rounding decides.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    public func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice]
    ) throws -> [Int32]? {
        try generate(count, logits: &logits, choosing: choices, atOnce: .max)
    }

    /// Generates texts in launches of at most so many tokens each.
    package func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice], atOnce longest: Int
    ) throws -> [Int32]? {
        guard !wantedKernels.exchanges.isEmpty else { return nil }
        if sampler == nil {
            sampler = .some(
                try DeviceSampler.find(
                    for: configuration, precision, vocabularySize: vocabularySize, on: device))
        }
        guard let sampler = sampler ?? nil else { return nil }
        let B = choices.count
        try ParameterError.require(count >= 1, "count", is: count, but: "at least 1")
        try ParameterError.require(B >= 1, "choices.count", is: B, but: "at least 1")
        try ParameterError.require(
            logits.count == B * vocabularySize, "logits.count", is: logits.count,
            but: "choices.count * V, \(B * vocabularySize)")
        try checkState(batchSize: B)
        if runner.carriedBatchSize == 0 {
            let zeros = [Float](repeating: 0, count: dimensions.carriedCount(batchSize: B))
            try runner.carry(zeros, batchSize: B)
        }
        evaluated = nil
        let network = DeviceSampler.Network(
            configuration: configuration, dimensions: dimensions, layout: layout,
            parameters: parameterMemory.address, states: runner.carried.address, product: kernels.product)
        var tokens: [Int32] = [], choices = choices
        while tokens.count < count * B {
            let steps = min(count - tokens.count / B, sampler.longestRun(texts: B), longest)
            tokens += try sampler.run(steps, logits: &logits, choices: &choices, of: network, on: queue)
        }
        return tokens
    }
}
