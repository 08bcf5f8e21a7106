import Foundation

/// The natural logarithms of the probabilities that a model gives to the next token.
enum LogProbabilities {
    /// The logarithm of the softmax of `V` logits.
    ///
    /// - Throws: `GenerationError.notANumber` when a logit is none.
    static func of(_ logits: ArraySlice<Float>) throws(GenerationError) -> [Double] {
        guard let greatest = logits.max(), logits.allSatisfy(\.isFinite) else { throw .notANumber }
        let total = logits.reduce(0) { $0 + exp(Double($1) - Double(greatest)) }
        let offset = Double(greatest) + log(total)
        return logits.map { Double($0) - offset }
    }
}
