import UnrollBase
import UnrollEngine
import UnrollModel

extension CUDAEngine {
    /// Generates texts in few launches, with all weights on the chip, where persistent kernels were asked for and the
    /// network fits; nil also where the device has too little memory left for a launch.
    ///
    /// Tokens are those that `TokenSampler` chooses, except where two are so nearly equally probable that rounding decides.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    public func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice]
    ) throws -> [Int32]? {
        try generate(count, logits: &logits, choosing: choices, beside: nil, atOnce: .max)
    }

    /// Generates texts in launches of at most so many tokens each, with or without an n-gram model beside the network.
    ///
    /// Logits are as ``NGramSampling`` says where there is one.
    package func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice], beside texts: NGramTexts? = nil,
        atOnce longest: Int
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
        var ngrams: DeviceSampler.NGrams?
        if let texts {
            let count = B * (texts.model.order - 1)
            try ParameterError.require(
                texts.histories.count == count, "histories.count", is: texts.histories.count,
                but: "choices.count * (order - 1), \(count)")
            guard let model = try deviceNGrams(of: texts) else { return nil }
            ngrams = .init(model: model, histories: texts.histories, areFirstMixed: true)
        }
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
            do {
                tokens += try sampler.run(
                    steps, logits: &logits, choices: &choices, ngrams: &ngrams, of: network, on: queue)
            } catch {
                // Before the first launch, nothing has changed.
                guard case .outOfMemory = error, tokens.isEmpty else { throw error }
                return nil
            }
        }
        return tokens
    }
}

extension CUDAEngine: NGramSampling {
    /// Generates texts by the probabilities of the network and of an n-gram model, whose tables are on the device, too.
    ///
    /// - Throws: As the protocol says, and `CUDAError`.
    package func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice], beside texts: NGramTexts
    ) throws -> [Int32]? {
        try generate(count, logits: &logits, choosing: choices, beside: texts, atOnce: .max)
    }

    /// The tables of a model; nil if it has another vocabulary, or the device has too little memory.
    private func deviceNGrams(of texts: NGramTexts) throws(CUDAError) -> DeviceNGrams? {
        guard texts.model.vocabularySize == vocabularySize else { return nil }
        do {
            return try sharedNGrams.model(texts.model, weight: texts.weight, on: device, by: queue)
        } catch {
            switch error {
            case .outOfMemory, .memoryInUse, .arrayTooLarge: return nil
            default: throw error
            }
        }
    }
}
