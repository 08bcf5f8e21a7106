import UnrollEngine

/// Text that a model has generated: a piece of a stream, or a whole sample.
public struct GeneratedText: Sendable, Equatable, CustomStringConvertible {
    /// Whole characters; invalid bytes of byte models are replaced by U+FFFD.
    public let text: String
    /// How the generation went, if this is its end.
    public var summary: GenerationSummary? { box?.summary }

    // In a box, as most pieces have none and are passed on many times.
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
public struct GenerationSummary: Sendable, Equatable, CustomStringConvertible {
    /// Tokens of the prompt.
    public var promptTokenCount: Int
    /// Tokens generated.
    public var tokenCount: Int
    /// Why it stopped.
    public var stopReason: StopReason
    /// The time that it took to read the prompt.
    public var promptDuration: Duration
    /// The time from then until the end, including that of the consumer between two pieces.
    public var duration: Duration
    /// The state after prompt and continuation, to continue from.
    public var state: GenerationState

    /// Tokens generated in a second; 0 if there are none.
    public var tokensPerSecond: Double {
        let seconds = duration / .seconds(1)
        return seconds > 0 ? Double(tokenCount) / seconds : 0
    }

    /// Counts, speed and stop reason in one line.
    public var description: String {
        "\(tokenCount) tokens after \(promptTokenCount) of the prompt, \(Int(tokensPerSecond.rounded())) a second; "
            + "\(stopReason)"
    }
}

/// Why a generation has stopped.
public enum StopReason: Sendable, Equatable, CustomStringConvertible {
    /// It has the length that was asked for.
    case length
    /// This text came; it is not part of what was generated.
    case stopString(String)

    /// The reason in words.
    public var description: String {
        switch self {
        case .length: "stopped at the length asked for"
        case .stopString(let text): "stopped before \(text.debugDescription)"
        }
    }
}
