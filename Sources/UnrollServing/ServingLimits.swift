#if Serving
import UnrollBase

/// What a server does at most, for one request and for all.
public struct ServingLimits: Sendable, Equatable {
    /// Bytes of a request's body, in 1024...1_073_741_824.
    ///
    /// Default: 1,048,576.
    public var bodyBytes = 1 << 20
    /// Tokens that may be generated after one prompt, in 1...1_000_000.
    ///
    /// Default: 4096.
    public var maxTokens = 4096
    /// Texts that one request may ask for: prompts times samples, in 1...4096.
    ///
    /// Default: 128.
    public var textsPerRequest = 128
    /// Texts that are generated at the same time with each model, in 1...4096.
    ///
    /// Default: 64.
    public var batchSize = 64
    /// Texts that wait for room beside those, and requests that wait for a processor, in 0...100_000; what comes after
    /// them is refused.
    ///
    /// Default: 256.
    public var queue = 256
    /// Bytes of all states that are kept, in 0...1_099_511_627_776; the ones that were used longest ago are dropped.
    ///
    /// Default: 268,435,456.
    public var stateBytes = 1 << 28
    /// Connections that are open at the same time, in 1...1_000_000; others wait to be accepted.
    ///
    /// Default: 4096.
    public var connections = 4096
    /// Seconds within which a request must have arrived, in 1...3600.
    ///
    /// A connection without a request is closed after as many, and one whose client reads nothing of an answer.
    ///
    /// Default: 30.
    public var idleSeconds = 30
    /// Seconds within which an answer must be complete, in 1...86_400.
    ///
    /// Default: 600.
    public var answerSeconds = 600
    /// Seconds that requests have to end when the server stops, in 0...3600.
    ///
    /// Default: 20.
    public var graceSeconds = 20

    /// Creates the default limits.
    public init() {}

    /// Checks every number.
    ///
    /// - Throws: `ParameterError.outOfRange` with the first that is not in its range.
    public func check() throws(ParameterError) {
        try Self.require(bodyBytes, "bodyBytes", in: 1024...1 << 30)
        try Self.require(maxTokens, "maxTokens", in: 1...1_000_000)
        try Self.require(textsPerRequest, "textsPerRequest", in: 1...4096)
        try Self.require(batchSize, "batchSize", in: 1...4096)
        try Self.require(queue, "queue", in: 0...100_000)
        try Self.require(stateBytes, "stateBytes", in: 0...1 << 40)
        try Self.require(connections, "connections", in: 1...1_000_000)
        try Self.require(idleSeconds, "idleSeconds", in: 1...3600)
        try Self.require(answerSeconds, "answerSeconds", in: 1...86_400)
        try Self.require(graceSeconds, "graceSeconds", in: 0...3600)
    }

    private static func require(
        _ value: Int, _ name: String, in range: ClosedRange<Int>
    ) throws(ParameterError) {
        try ParameterError.require(
            range.contains(value), name, is: value, but: "in \(range.lowerBound)...\(range.upperBound)")
    }
}
#endif
