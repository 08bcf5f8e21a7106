// Cells of your own: a formula each, trained at the speed of the built-in ones. Their gradients are derived.

import ArgumentParser
import Book
import Foundation
import Unroll

/// One gate decides both what to forget and what to take in (Zhou et al., "Minimal gated unit", 2016).
package enum MinimalGatedUnit: RecurrentCell {
    package static let name = "minimal-gated-unit"
    package static let gates = ["f", "n"]
    package static let states = ["h"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let f = sigmoid(gates.f)
        let n = tanh(gates.input.n + f * gates.hidden.n)
        return ["h": previous.h + f * (n - previous.h)]
    }
}

/// Long short-term memory whose gates also look at the memory (Gers and Schmidhuber, 2000), each unit with learned weights.
package enum PeepholeLSTM: RecurrentCell {
    package static let name = "peephole-lstm"
    package static let gates = ["i", "f", "g", "o"]
    package static let states = ["h", "c"]
    package static let parameters: LearnedVectors = ["peephole_i": 0, "peephole_f": 0, "peephole_o": 0]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let i = sigmoid(gates.i + parameters.peephole_i * previous.c)
        let f = sigmoid(gates.f + parameters.peephole_f * previous.c)
        let c = f * previous.c + i * tanh(gates.g)
        let o = sigmoid(gates.o + parameters.peephole_o * c)
        return ["h": o * tanh(c), "c": c]
    }
}

/// A leaky cell each of whose units learns how fast it forgets.
package enum LearnedLeak: RecurrentCell {
    package static let name = "learned-leak"
    package static let gates = ["z"]
    package static let states = ["h"]
    package static let parameters: LearnedVectors = ["leak": -1]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let leak = sigmoid(parameters.leak)
        return ["h": (1 - leak) * previous.h + leak * tanh(gates.z)]
    }
}

/// A recurrent highway: each unit passes on what its layer reads, as far as it does not change it (after Srivastava, Greff
/// and Schmidhuber, "Training very deep networks", 2015).
package enum Highway: RecurrentCell {
    package static let name = "highway"
    package static let gates = ["t", "z"]
    package static let states = ["h"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let t = sigmoid(gates.t)
        return ["h": t * tanh(gates.z) + (1 - t) * layerInput]
    }
}

/// Long short-term memory with exponential gates: the sLSTM of Beck et al., "xLSTM", NeurIPS 2024, without its heads.
///
/// Exponentials would overflow, so gates are divided by the greatest so far, whose logarithm is the state `m`. That
/// changes `c` and the sum of weights `n` by the same factor, and not their quotient.
package enum StabilizedLSTM: RecurrentCell {
    package static let name = "slstm"
    package static let gates = ["z", "i", "f", "o"]
    package static let states = ["h", "c", "n", "m"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        // The logarithm of sigmoid(f), plus m.
        let forget = previous.m - softplus(-gates.f)
        let m = max(forget, gates.i)
        let i = exp(gates.i - m)
        let f = exp(forget - m)
        let c = f * previous.c + i * tanh(gates.z)
        let n = f * previous.n + i
        return ["h": sigmoid(gates.o) * c / n, "c": c, "n": n, "m": m]
    }
}

/// A GRU whose gates see the input alone (Feng et al., "Were RNNs all we needed?", 2024).
package enum MinGRU: RecurrentCell {
    package static let name = "min-gru"
    package static let gates = ["z", "n"]
    package static let states = ["h"]

    package static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let z = sigmoid(gates.input.z)
        return ["h": (1 - z) * previous.h + z * gates.input.n]
    }
}

@main
struct CustomCell: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Trains with cells that this program defines.")

    @OptionGroup var source: BookArgument

    @Option(help: "A folder to export the models to, for ONNX Runtime.", completion: .directory)
    var export: String?

    func run() async throws {
        let book = try source.read()
        let cells: [any RecurrentCell.Type] = [
            MinimalGatedUnit.self, PeepholeLSTM.self, LearnedLeak.self, StabilizedLSTM.self, MinGRU.self,
            Highway.self,
        ]
        for cell in cells {
            print("\(cell.name): gradient off by \(try GradientCheck.greatestError(of: cell))")
            // A highway reads vectors of its own size.
            let embedding = cell == Highway.self ? 256 : nil
            let trainer = try Trainer(
                corpus: book.corpus,
                model: .init(cell: cell, hiddenSize: 256, embeddingSize: embedding),
                options: .init(epochs: 300))
            for try await case .finished(let summary) in trainer.run() {
                print("perplexity \(summary.perplexity), \(Int(summary.tokensPerSecond)) tokens/s")
            }
            if let export {
                let folder = URL(filePath: export)
                try trainer.languageModel().export(to: folder.appending(path: cell.name), as: .onnx)
            }
        }
    }
}
