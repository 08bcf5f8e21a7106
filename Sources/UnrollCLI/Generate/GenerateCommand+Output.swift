import Foundation
import Unroll

/// How `unroll generate` prints what there is.
extension GenerateCommand {
    func write(
        _ pieces: AsyncThrowingStream<GeneratedText, any Error>, after prompt: String
    ) async throws {
        var isFirst = true
        for try await piece in pieces {
            if json {
                if !piece.text.isEmpty { try JSONLine.write(GenerationLine.Piece(text: piece.text)) }
                if let summary = piece.summary { try JSONLine.write(GenerationLine.End(summary)) }
            } else {
                // Nothing is printed before the model has read the prompt, so that an error is all there is.
                Standard.output.write(isFirst ? prompt + piece.text : piece.text)
            }
            isFirst = false
        }
        if !json { Standard.output.write("\n") }
    }

    func write(_ samples: [GeneratedText], after prompt: String) throws {
        if json {
            for (index, sample) in samples.enumerated() {
                try JSONLine.write(GenerationLine.Sample(sample, index: index))
            }
        } else {
            Standard.output.write(
                samples.map { prompt + $0.text + "\n" }.joined(separator: "---\n"))
        }
    }

    /// People get the best one.
    func write(_ hypotheses: [Hypothesis], after prompt: String) throws {
        if json {
            for hypothesis in hypotheses { try JSONLine.write(GenerationLine.Found(hypothesis)) }
        } else if let best = hypotheses.first {
            Standard.output.write(prompt + best.text + "\n")
        }
    }

    func write(_ completions: [Completion]) throws {
        for completion in completions {
            if json {
                try JSONLine.write(GenerationLine.Rest(completion))
            } else {
                Standard.output.write(
                    NumberFormat.fixed(completion.probability, decimals: 4) + "\t"
                        + EscapedText.encode(completion.text) + "\n")
            }
        }
    }
}

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
