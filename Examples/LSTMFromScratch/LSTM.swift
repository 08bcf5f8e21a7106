// Long short-term memory from scratch ("Dive into Deep Learning", section 10.1): only the recurrence is new.

import ArgumentParser
import Book
import Chapter
import Unroll

/// For each of the gates i, f, o and the candidate g: W_x, W_h, b; then W_hq, b_q for the output.
package func lstmParameters(vocabularySize: Int, hiddenSize: Int, seed: UInt64) throws -> [Tensor] {
    var random = RandomSource(seed: seed, purpose: .initialization)
    func normal(_ shape: [Int]) throws -> Tensor {
        try .normal(shape, standardDeviation: 0.01, from: &random)
    }
    func gate() throws -> [Tensor] {
        [
            try normal([vocabularySize, hiddenSize]), try normal([hiddenSize, hiddenSize]),
            try .zeros([hiddenSize]),
        ]
    }
    return try gate() + gate() + gate() + gate() + [
        normal([hiddenSize, vocabularySize]), .zeros([vocabularySize]),
    ]
}

/// Two states: what the network shows, h, and what it remembers, c.
package func lstmState(batchSize: Int, hiddenSize: Int) throws -> [Tensor] {
    [try .zeros([batchSize, hiddenSize]), try .zeros([batchSize, hiddenSize])]
}

/// From `[T, B, V]` and the state, a logit for every token that may come next, `[T * B, V]`, and the new state.
package func lstm(
    _ inputs: Tensor, _ state: [Tensor], _ parameters: [Tensor]
) throws -> (outputs: Tensor, state: [Tensor]) {
    let (whq, bq) = (parameters[12], parameters[13])
    var (h, c) = (state[0], state[1])
    var outputs: [Tensor] = []
    for t in 0..<inputs.shape[0] {
        let x = try inputs[t]
        func affine(_ gate: Int) throws -> Tensor {
            try matmul(x, parameters[3 * gate]) + matmul(h, parameters[3 * gate + 1])
                + parameters[3 * gate + 2]
        }
        let (i, f, o) = try (sigmoid(affine(0)), sigmoid(affine(1)), sigmoid(affine(2)))
        let g = try tanh(affine(3))
        c = try f * c + i * g
        h = try o * tanh(c)
        outputs.append(try matmul(h, whq) + bq)
    }
    return (try concatenated(outputs), [h, c])
}

@main
struct LSTMFromScratch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains long short-term memory written by hand.")

    @OptionGroup var source: BookArgument

    func run() throws {
        try runChapter(on: source.read(), parameters: lstmParameters, initialState: lstmState, forward: lstm)
    }
}
