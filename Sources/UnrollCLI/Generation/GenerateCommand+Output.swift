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
                    String(format: "%.4f\t", completion.probability) + completion.text + "\n")
            }
        }
    }
}
