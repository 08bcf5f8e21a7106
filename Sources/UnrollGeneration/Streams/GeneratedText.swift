import UnrollEngine

/// Some text that a model has generated: a piece of a stream, or a whole sample.
public struct GeneratedText: Sendable, Equatable, CustomStringConvertible {
    /// Whole characters, as far as the model generates any; faulty bytes of byte models are replaced by U+FFFD.
    public let text: String
    /// How it went, when this is the end.
    public var summary: GenerationSummary? { box?.summary }

    // In a box, as most pieces have none and go through many hands.
    private let box: Box?

    init(text: String, summary: GenerationSummary? = nil) {
        self.text = text
        box = summary.map(Box.init)
    }

    private final class Box: Sendable {
        let summary: GenerationSummary

        init(_ summary: GenerationSummary) {
            self.summary = summary
        }
    }

    /// The text.
    public var description: String { text }

    /// Whether texts and summaries are equal.
    public static func == (left: GeneratedText, right: GeneratedText) -> Bool {
        left.text == right.text && left.summary == right.summary
    }
}

/// How a generation went.
public struct GenerationSummary: Sendable, Equatable {
    /// Tokens of the prompt.
    public var promptTokenCount: Int
    /// Tokens generated.
    public var tokenCount: Int
    /// Why it ended.
    public var stopReason: StopReason
    /// The time that it took to read the prompt.
    public var promptDuration: Duration
    /// The time from then until the end, with that which the consumer took between two pieces.
    public var duration: Duration
    /// What the model knows of prompt and continuation, to go on from.
    public var state: GenerationState

    /// Tokens generated in a second; 0 if there are none.
    public var tokensPerSecond: Double {
        let seconds = duration / .seconds(1)
        return seconds > 0 ? Double(tokenCount) / seconds : 0
    }
}

/// Why a generation has ended.
public enum StopReason: Sendable, Equatable {
    /// It has the length that was asked for.
    case length
    /// This text came, which is not part of what was generated any more.
    case stopString(String)
}
