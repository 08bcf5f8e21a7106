/// One way for a half-typed word to go on to its end.
public struct Completion: Sendable, Equatable {
    /// The rest of the word; empty where the word is complete already.
    public var text: String
    /// The probability that the model gives to this rest with an end of the word after it.
    public var probability: Double

    /// Describes a completion.
    public init(text: String, probability: Double) {
        self.text = text
        self.probability = probability
    }
}
