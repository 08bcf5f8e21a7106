/// What came of a network trained from one seed.
public struct RunResult: Sendable, Encodable {
    /// The seed.
    public var seed: UInt64
    /// The perplexity of each epoch's training tokens.
    public var perplexity: [Double] = []
    /// The perplexity of the held-out text after each epoch; empty if there is none.
    public var validationPerplexity: [Double] = []
    /// The mean over the last validation's minibatches of exp(mean loss), which the book's slides call perplexity.
    ///
    /// It depends on how the text is cut; of minibatches of equal size it is never less than the perplexity.
    public var meanOfExponentials: Double?
    /// The epoch, counted from 1, in which the loss ceased to be a number.
    public var divergedInEpoch: Int?
    /// Tokens trained on.
    public var tokens = 0
    /// Seconds from the beginning to the end, with validation and samples.
    public var seconds = 0.0
    /// The most bytes that tensors took at once, those of earlier minibatches included where the gradient goes back there.
    public var tensorBytes: Int?
    /// What the network wrote.
    public var samples: [Sample] = []

    init(seed: UInt64) {
        self.seed = seed
    }

    /// A figure after an epoch, counted from 1, or after the last; infinite once training has diverged.
    func figure(_ figure: Expectation.Figure, epoch: Int? = nil) -> Double? {
        let values = figure == .perplexity ? perplexity : validationPerplexity
        let index = epoch.map { $0 - 1 } ?? values.count - 1
        if divergedInEpoch != nil, epoch == nil || index >= values.count { return .infinity }
        return values.indices.contains(index) ? values[index] : nil
    }
}
