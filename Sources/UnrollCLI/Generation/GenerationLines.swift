import Unroll

/// The lines of `unroll generate --json`; texts are without the prompt.
enum GenerationLine {
    /// A piece of the continuation.
    struct Piece: Encodable {
        let event = "piece"
        let text: String
    }

    /// How the continuation went.
    struct End: Encodable {
        let event = "finished"
        let promptTokens: Int
        let tokens: Int
        let stopReason: String
        let stopString: Nullable<String>
        let seconds: Double
        let tokensPerSecond: Double

        init(_ summary: GenerationSummary) {
            promptTokens = summary.promptTokenCount
            tokens = summary.tokenCount
            stopReason = summary.stopReason.name
            stopString = Nullable(summary.stopReason.stopString)
            seconds = summary.duration / .seconds(1)
            tokensPerSecond = summary.tokensPerSecond
        }
    }

    /// One of several continuations.
    struct Sample: Encodable {
        let event = "sample"
        let index: Int
        let text: String
        let tokens: Nullable<Int>
        let stopReason: Nullable<String>
        let stopString: Nullable<String>

        init(_ sample: GeneratedText, index: Int) {
            self.index = index
            text = sample.text
            tokens = Nullable(sample.summary?.tokenCount)
            stopReason = Nullable(sample.summary?.stopReason.name)
            stopString = Nullable(sample.summary?.stopReason.stopString)
        }
    }

    /// What beam search has found.
    struct Found: Encodable {
        let event = "hypothesis"
        let text: String
        let tokens: Int
        let logProbability: Double
        let score: Double

        init(_ hypothesis: Hypothesis) {
            text = hypothesis.text
            tokens = hypothesis.tokens.count
            logProbability = hypothesis.logProbability
            score = hypothesis.score
        }
    }

    /// The rest of a word.
    struct Rest: Encodable {
        let event = "completion"
        let text: String
        let probability: Double

        init(_ completion: Completion) {
            text = completion.text
            probability = completion.probability
        }
    }
}

extension StopReason {
    fileprivate var name: String {
        switch self {
        case .length: "length"
        case .stopString: "stop"
        }
    }

    fileprivate var stopString: String? {
        switch self {
        case .length: nil
        case .stopString(let text): text
        }
    }
}
