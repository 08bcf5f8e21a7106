import Foundation
import UnrollCore
import UnrollText

/// Chooses the next token from logits; `<unk>` is never chosen.
struct TokenSampler: Sendable {
    private let strategy: SamplingStrategy
    private var source: RandomSource
    private var cumulative: [Double] = []

    init(_ options: GenerationOptions) {
        strategy = options.strategy
        source = RandomSource(seed: options.seed, purpose: .generation)
    }

    /// Takes note of a token that the model reads.
    mutating func observe(_ token: Int32) {}

    mutating func choose(from logits: [Float]) throws(GenerationError) -> Int32 {
        var best: Int?
        for (token, logit) in logits.enumerated() where token != Int(Vocabulary.unknownID) {
            guard logit.isFinite else { throw .notANumber }
            if best.map({ logit > logits[$0] }) ?? true { best = token }
        }
        guard let best else { throw .notANumber }
        guard let exponent = strategy.exponent else { return Int32(best) }
        let greatest = Double(logits[best])
        cumulative.removeAll(keepingCapacity: true)
        var total = 0.0
        for (token, logit) in logits.enumerated() {
            if token != Int(Vocabulary.unknownID) { total += exp((Double(logit) - greatest) * exponent) }
            cumulative.append(total)
        }
        // The first token whose share of the line from 0 to the total reaches beyond a random point of it.
        let point = source.uniform() * total
        return Int32(cumulative.firstIndex { $0 > point } ?? best)
    }
}
