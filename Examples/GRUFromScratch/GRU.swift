// Gated recurrent units from scratch ("Dive into Deep Learning", section 10.2): only the recurrence is new.
//
// Two forms are in use, and a model trained with one makes no sense with the other. The book, as the paper that GRUs
// come from, resets the state before it is multiplied (Cho et al., 2014). PyTorch and cuDNN reset the product, which is
// why their candidate has a bias of its own for it: all products of a step can then be made at once.

import ArgumentParser
import Book
import Chapter
import Unroll

/// For each of the gates r, z and the candidate n: W_x, W_h, b_x, b_h; then W_hq, b_q for the output.
///
/// The book's form has no use for the gates' second bias, so it adds the two.
package func gruParameters(vocabularySize: Int, hiddenSize: Int, seed: UInt64) throws -> [Tensor] {
    var random = RandomSource(seed: seed, purpose: .initialization)
    func normal(_ shape: [Int]) throws -> Tensor {
        try .normal(shape, standardDeviation: 0.01, from: &random)
    }
    func gate() throws -> [Tensor] {
        try [
            normal([vocabularySize, hiddenSize]), normal([hiddenSize, hiddenSize]), .zeros([hiddenSize]),
            .zeros([hiddenSize]),
        ]
    }
    return try gate() + gate() + gate() + [normal([hiddenSize, vocabularySize]), .zeros([vocabularySize])]
}

/// When the reset gate acts on the previous state.
package enum Reset {
    /// Before its product with the candidate's matrix: the book's form.
    case before
    /// After it: PyTorch's form.
    case after
}

/// The network in one of the two forms.
package func gru(
    reset: Reset
) -> (_ inputs: Tensor, _ state: [Tensor], _ parameters: [Tensor]) throws -> (
    outputs: Tensor, state: [Tensor]
) {
    { inputs, state, parameters in
        let (whq, bq) = (parameters[12], parameters[13])
        var h = state[0]
        var outputs: [Tensor] = []
        for t in 0..<inputs.shape[0] {
            let x = try inputs[t]
            func input(_ gate: Int) throws -> Tensor {
                try matmul(x, parameters[4 * gate]) + parameters[4 * gate + 2]
            }
            func hidden(_ gate: Int, _ h: Tensor) throws -> Tensor {
                try matmul(h, parameters[4 * gate + 1]) + parameters[4 * gate + 3]
            }
            let r = try sigmoid(input(0) + hidden(0, h))
            let z = try sigmoid(input(1) + hidden(1, h))
            let n =
                switch reset {
                case .before: try tanh(input(2) + hidden(2, r * h))
                case .after: try tanh(input(2) + r * hidden(2, h))
                }
            h = try z * h + (1 - z) * n
            outputs.append(try matmul(h, whq) + bq)
        }
        return (try concatenated(outputs), [h])
    }
}

@main
struct GRUFromScratch: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains gated recurrent units written by hand, in both forms.")

    @OptionGroup var source: BookArgument

    func run() throws {
        for reset in [Reset.before, .after] {
            print("reset \(reset) the product")
            try runChapter(
                on: source.read(), parameters: gruParameters, initialState: rnnState,
                forward: gru(reset: reset))
        }
    }
}
