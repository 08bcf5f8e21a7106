import UnrollBase

/// An n-gram model beside a network: how far it looks, and how much it counts.
///
/// The probability of a token is the network's and that of an ``NGramModel`` of the training text, in these shares. A network
/// has to see a phrase many times to know it; counts know it at once, and know nothing else. Together they predict better than
/// either alone, and the more so the shorter the training.
public struct NGramConfiguration: Sendable, Equatable, Codable {
    /// The greatest length of a sequence that is counted, in 1...16.
    ///
    /// Default: 6, which suits characters.
    public var order: Int
    /// The share of the n-gram model in the probability of a token, above 0 and below 1.
    ///
    /// Default: 0.4.
    public var weight: Double

    /// The orders that there can be.
    public static let orders = 1...16

    /// An n-gram model beside a network.
    public init(order: Int = 6, weight: Double = 0.4) {
        self.order = order
        self.weight = weight
    }

    func check() throws(ParameterError) {
        try Self.check(order: order)
        try ParameterError.require(
            weight > 0 && weight < 1, "ngrams.weight", is: weight, but: "above 0 and below 1")
    }

    static func check(order: Int) throws(ParameterError) {
        try ParameterError.require(
            orders.contains(order), "ngrams.order", is: order, but: "in \(orders)")
    }
}
