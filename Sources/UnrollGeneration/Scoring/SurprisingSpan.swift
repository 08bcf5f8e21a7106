/// The part of a text that surprised a model most.
///
/// It is the run of tokens over which surprisal was greater than the model itself expected by the greatest sum: what
/// varies by its nature, such as digits of a time, is expected to surprise and does not count. Found in one pass (Kadane;
/// Bentley, "Programming pearls: algorithm design techniques", 1984).
public struct SurprisingSpan: Sendable, Equatable {
    /// The positions of its tokens among those of the text.
    public let tokens: Range<Int>
    /// The sum of surprisal - entropy over them, in nats; always positive.
    public let excess: Double

    /// Finds the span; nil when nothing was more surprising than expected.
    init?(of tokens: [TokenScore]) {
        var best: (range: Range<Int>, excess: Double)?
        var (start, sum) = (0, 0.0)
        for (index, token) in tokens.enumerated() {
            if sum <= 0 { (start, sum) = (index, 0) }
            sum += Double(token.surprisal) - Double(token.entropy)
            if sum > best?.excess ?? 0 { best = (start..<index + 1, sum) }
        }
        guard let best else { return nil }
        self.tokens = best.range
        excess = best.excess
    }
}
