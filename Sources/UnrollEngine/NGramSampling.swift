import UnrollModel

/// An n-gram model beside a network that chooses tokens by itself, and where texts are in it.
package struct NGramTexts {
    /// The model.
    package let model: NGramModel
    /// The share of the model in each probability, above 0 and below 1.
    package let weight: Double
    /// The last tokens of each text, the latest last, `[B, order - 1]`; -1 before its beginning.
    package let histories: [Int32]

    /// Collects the facts.
    package init(_ model: NGramModel, weight: Double, histories: [Int32]) {
        self.model = model
        self.weight = weight
        self.histories = histories
    }
}

/// An engine that can choose tokens by itself although there is an n-gram model beside its network.
package protocol NGramSampling: Engine {
    /// Chooses tokens as ``Engine/generate(_:logits:choosing:)`` does, but by the probabilities of both.
    ///
    /// - Parameters:
    ///   - count: Tokens of each text, at least 1.
    ///   - logits: Those of the first tokens by both, `[B, V]`; become those by the network alone after the last.
    ///   - choices: How each text's tokens are chosen, `[B]`.
    ///   - texts: The n-gram model and the texts that it has read.
    /// - Returns: The tokens, `[count, B]`; nil if the engine cannot, also for want of memory. Then nothing has changed.
    /// - Throws: As ``Engine/generate(_:logits:choosing:)``; `ParameterError` also when histories are not as many.
    func generate(
        _ count: Int, logits: inout [Float], choosing choices: [TokenChoice], beside texts: NGramTexts
    ) throws -> [Int32]?
}
