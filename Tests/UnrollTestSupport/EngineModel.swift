import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// A random model and a few minibatches in a row, the first of which starts afresh.
package struct EngineModel {
    package let configuration: ModelConfiguration
    package private(set) var parameters: ModelParameters
    package let minibatches: [Minibatch]

    /// Cells that have every feature of the language of formulas.
    package static let cells: [any RecurrentCell.Type] =
        ModelConfiguration.builtInCells + [
            LeakyCell.self, OddCell.self, LinearCell.self, SplitCell.self, FunctionsCell.self,
            StabilizedCell.self, PeepholeCell.self, LearnedLeakCell.self, VectorsCell.self,
        ]

    /// Rectifiers and maxima: near where they turn, a rounded state may switch a gradient on or off.
    package static func isKinked(_ cell: any RecurrentCell.Type) -> Bool {
        cell == ReLUCell.self || cell == OddCell.self || cell == FunctionsCell.self
    }

    /// Cells that read what their layer reads, for sizes with an embedding of the layers' size.
    package static let inputCells: [any RecurrentCell.Type] = [
        HighwayCell.self, ResidualCell.self, PassingCell.self,
    ]

    /// Sizes with an embedding of the layers' size.
    package static let inputSizes = [
        EngineModelSize(T: 1, B: 1, V: 9, H: 7, E: 7), EngineModelSize(T: 7, B: 1, V: 28, H: 33, L: 2, E: 33),
        EngineModelSize(T: 5, B: 9, V: 31, H: 7, E: 7),
        EngineModelSize(T: 3, B: 33, V: 300, H: 65, L: 3, E: 65),
        EngineModelSize(T: 4, B: 3, V: 28, H: 31, L: 2, E: 31, isTied: true),
        EngineModelSize(T: 2, B: 9, V: 1000, H: 64, L: 2, E: 64, hasSingleBias: true),
    ]

    package init(
        cell: any RecurrentCell.Type, size: EngineModelSize, zoneout: Zoneout = Zoneout()
    ) throws {
        configuration = ModelConfiguration(
            cell: cell, hiddenSize: size.H, layerCount: size.L, embeddingSize: size.E,
            tiesWeights: size.isTied, hasSingleBias: size.hasSingleBias, zoneout: zoneout)
        var parameters = try ModelParameters(
            for: configuration, vocabularySize: size.V, initializer: .uniform, seed: UInt64(size.T))
        for index in parameters.entries.indices where parameters.entries[index].name.contains("ih") {
            parameters.entries[index].values = parameters.entries[index].values.map { 3 * $0 }
        }
        // The units' numbers of a learned vector begin alike, and every one has to be seen.
        var variation = RandomSource(seed: UInt64(size.T), purpose: .masks)
        for vector in configuration.vectors {
            for index in parameters.entries.indices where parameters.entries[index].name == vector.name {
                parameters.entries[index].values = parameters.entries[index].values.map {
                    $0 + Float(variation.uniform() - 0.5)
                }
            }
        }
        self.parameters = parameters
        var source = RandomSource(seed: UInt64(size.B), purpose: .partitioning)
        minibatches = (0..<3).map { index in
            var minibatch = Minibatch()
            minibatch.reshape(sequenceLength: size.T, batchSize: size.B, continuesState: index > 0)
            for token in minibatch.inputs.indices {
                minibatch.inputs[token] = Int32(source.integer(below: size.V))
                minibatch.targets[token] = Int32(source.integer(below: size.V))
            }
            return minibatch
        }
    }
}

extension EngineModel {
    /// Sets all numbers of a token's vector.
    package mutating func setVector(ofToken token: Int, to number: Float) {
        for index in parameters.entries.indices where parameters.entries[index].name == "embedding.weight" {
            let size = parameters.entries[index].shape[1]
            for place in token * size..<(token + 1) * size {
                parameters.entries[index].values[place] = number
            }
        }
    }

    /// Adds a number to every bias of the layers' inputs.
    package mutating func raiseBiases(by number: Float) {
        for index in parameters.entries.indices where parameters.entries[index].name.contains("bias_ih") {
            parameters.entries[index].values = parameters.entries[index].values.map { $0 + number }
        }
    }

    /// The parameters with weights as the products of a precision see them.
    package func parameters(in precision: Precision) -> ModelParameters {
        guard precision == .bfloat16 else { return parameters }
        var parameters = parameters
        for index in parameters.entries.indices {
            let name = parameters.entries[index].name
            // Biases are added, and rows of one-hot weights are looked up.
            let isLookedUp = name == "rnn.weight_ih_l0" && configuration.embeddingSize == nil
            guard name.contains("weight"), !isLookedUp else { continue }
            parameters.entries[index].values = parameters.entries[index].values.map {
                // Halves of the last place do not occur among random numbers; ties need no rule.
                Float(bitPattern: ($0.bitPattern &+ 0x8000) & 0xffff_0000)
            }
        }
        return parameters
    }

    /// Loss and gradients of each minibatch in double precision, with the parameters of a precision.
    package func reference(
        in precision: Precision
    ) throws -> [(meanLoss: Double, gradients: NamedTensors<Double>)] {
        let reference = try ReferenceEngine(
            configuration: configuration, parameters: parameters(in: precision))
        return try minibatches.map { minibatch in
            defer { _ = try? reference.evaluate(minibatch) }
            return try reference.gradients(on: minibatch)
        }
    }
}

/// The sizes of a model and of its minibatches.
package struct EngineModelSize: CustomTestStringConvertible, Sendable {
    package let T, B, V, H: Int
    package let L: Int
    /// Nil for one-hot vectors.
    package let E: Int?
    package let isTied: Bool
    package let hasSingleBias: Bool

    package init(
        T: Int, B: Int, V: Int, H: Int, L: Int = 1, E: Int? = nil, isTied: Bool = false,
        hasSingleBias: Bool = false
    ) {
        (self.T, self.B, self.V, self.H, self.L, self.E) = (T, B, V, H, L, E)
        self.isTied = isTied
        self.hasSingleBias = hasSingleBias
    }

    package var testDescription: String {
        "T \(T) B \(B) V \(V) H \(H) L \(L) E \(E.map { "\($0)" } ?? "one-hot")\(isTied ? " tied" : "")"
            + (hasSingleBias ? " single bias" : "")
    }
}

extension Engine {
    /// The summed loss of a minibatch whose tokens are read step by step, in nats.
    package func lossOfAdvancing(through minibatch: Minibatch) throws -> Double {
        if !minibatch.continuesState { try resetState() }
        let (B, V) = (minibatch.batchSize, vocabularySize)
        var (sum, logits) = (0.0, [Float]())
        for step in 0..<minibatch.sequenceLength {
            let tokens = step * B..<(step + 1) * B
            try advance(Array(minibatch.inputs[tokens]), logits: &logits)
            for (row, target) in minibatch.targets[tokens].enumerated() {
                sum += negativeLogLikelihood(
                    of: Int(target), logits: Array(logits[row * V..<(row + 1) * V]))
            }
        }
        return sum
    }
}

/// The loss of a target, in nats.
package func negativeLogLikelihood(of target: Int, logits: [Float]) -> Double {
    let logits = logits.map(Double.init)
    let greatest = logits.max() ?? 0
    return log(logits.reduce(0) { $0 + exp($1 - greatest) }) + greatest - logits[target]
}
