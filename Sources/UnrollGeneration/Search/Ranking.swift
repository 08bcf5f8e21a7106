import Foundation

/// The natural logarithms of the probabilities that a model gives to the next token.
enum LogProbabilities {
    /// The logarithm of the softmax of `V` logits.
    ///
    /// - Throws: `GenerationError.notANumber` when a logit is not finite.
    static func of(_ logits: ArraySlice<Float>) throws(GenerationError) -> [Double] {
        guard let greatest = logits.max(), logits.allSatisfy(\.isFinite) else { throw .notANumber }
        let total = logits.reduce(0) { $0 + exp(Double($1) - Double(greatest)) }
        let offset = Double(greatest) + log(total)
        return logits.map { Double($0) - offset }
    }
}

extension Array {
    /// Inserts an element into an array of at most `count` elements, the greatest first.
    ///
    /// Of equal elements the one that came first stays first.
    mutating func insert(_ element: Element, keeping count: Int, by rank: (Element) -> Double) {
        let value = rank(element)
        if self.count >= count {
            guard let last, rank(last) < value else { return }
            removeLast()
        }
        var (low, high) = (0, self.count)
        while low < high {
            let middle = (low + high) / 2
            if rank(self[middle]) >= value { low = middle + 1 } else { high = middle }
        }
        insert(element, at: low)
    }
}
