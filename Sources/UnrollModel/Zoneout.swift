/// How often a unit's state stays as it is, at random, while a model is trained.
///
/// When the model is used, each state changes by the expected share instead, so zoneout is a part of the model. Krueger
/// et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017, who take 0.05 for the
/// output and 0.5 for the memory of a character-level LSTM.
public struct Zoneout: Sendable, Equatable, Codable {
    /// For the first state, which is the layer's output: the probability that it stays.
    public var output: Float
    /// For the other states, such as an LSTM's cell: the probability that it stays.
    public var memory: Float

    /// Describes zoneout; none unless said otherwise.
    public init(output: Float = 0, memory: Float = 0) {
        self.output = output
        self.memory = memory
    }

    /// The probability that a state of the cell stays.
    package func probability(ofState state: Int) -> Float {
        state == 0 ? output : memory
    }
}
