import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText

extension ConformanceChecks {
    /// Sizes of networks that generate: one text and several, in several teams of blocks, and in several turns.
    static let generated: [ModelSize] = [
        .init(T: 1, B: 1, V: 28, H: 512), .init(T: 1, B: 64, V: 100, H: 65, L: 3),
        .init(T: 1, B: 19, V: 300, H: 100, L: 2, E: 100),
    ]

    /// Texts that the engine generates by itself, against choices from the reference engine's logits.
    ///
    /// The reference reads the engine's tokens, so that one of two that are equally probable does no harm; in float32, one
    /// in a thousand may be such a token. With an n-gram model, it stands beside both networks.
    func generation(
        of cells: [any RecurrentCell.Type], _ sizes: [ModelSize], ngrams: NGramConfiguration? = nil,
        count: Int
    ) async {
        for cell in cells {
            for size in sizes {
                for precision in Precision.trainable {
                    await report.check(
                        ngrams == nil ? "generation" : "generation with n-grams",
                        "\(cell.name) \(size) \(precision)"
                    ) {
                        let model = try CheckedModel(cell, size, ngrams: ngrams)
                        return try generation(of: model, size, count: count, precision)
                    }
                }
            }
        }
    }

    private func generation(
        of model: CheckedModel, _ size: ModelSize, count: Int, _ precision: Precision
    ) throws -> CheckLine {
        var line = CheckLine()
        let network = try engine(of: model, precision)
        let engine = network.interpolated(with: model.ngrams)
        let reference = try ReferenceEngine(
            configuration: model.configuration, parameters: model.rounded(to: precision)
        ).interpolated(with: model.ngrams)
        var (actual, wanted): ([Float], [Float]) = ([], [])
        let first = Array(model.minibatches[0].inputs[..<size.B])
        try engine.advance(first, logits: &actual)
        try reference.advance(first, logits: &wanted)
        var samplers = try Self.samplers(size.B, vocabularySize: size.V)
        for row in 0..<size.B { samplers[row].observe([first[row]]) }
        guard
            let tokens = try engine.generate(count, logits: &actual, choosing: samplers.compactMap(\.choice))
        else {
            // Step kernels leave the choice to their caller; persistent ones must not.
            if case .persistent? = (network as? CUDAEngine)?.recurrence {
                line.require(false, "the engine does not generate")
            }
            return line
        }
        var others = 0
        for t in 0..<count {
            let chosen = Array(tokens[t * size.B..<(t + 1) * size.B])
            for row in 0..<size.B {
                let logits = Array(wanted[row * size.V..<(row + 1) * size.V])
                if try samplers[row].choose(from: logits) != chosen[row] { others += 1 }
                samplers[row].observe(generated: chosen[row])
            }
            try reference.advance(chosen, logits: &wanted)
        }
        if precision == .float32 {
            line.require(
                others <= count * size.B / 1000, "\(others) of \(count * size.B) tokens are other ones")
        }
        line.compare(
            "logits", actual.map(Double.init), with: wanted.map(Double.init),
            within: precision.tolerance.tensor)
        return line
    }

    /// The same of a small network, with an n-gram model and without.
    package func smallGeneration() async {
        for ngrams in [nil, NGramConfiguration()] {
            await generation(
                of: [GRUCell.self], [.init(T: 1, B: 9, V: 33, H: 33, L: 2)], ngrams: ngrams, count: 5)
        }
    }

    /// So many samplers of all kinds, one after the other.
    package static func samplers(_ count: Int, vocabularySize: Int) throws -> [TokenSampler] {
        let letters = (1..<vocabularySize).compactMap {
            Unicode.Scalar(0x4e00 + UInt32($0)).map(Character.init)
        }
        let vocabulary = try Corpus(text: String(letters), tokens: .characters).vocabulary
        return try (0..<count).map { row in
            var options = TextGenerationOptions(temperature: 0.5 + Double(row % 3), seed: UInt64(row))
            switch row % 5 {
            case 1: options.strategy = .greedy
            case 2: options.topK = 3
            case 3: options.topP = 0.6
            case 4: options.minP = 0.4
            default: break
            }
            if row % 2 == 1 { options.repetitionPenalty = 1.5 }
            return try TokenSampler(options, vocabulary: vocabulary)
        }
    }
}
