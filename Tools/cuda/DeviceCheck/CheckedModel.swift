import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// The sizes of a model and of its minibatches.
struct ModelSize: CustomStringConvertible, Sendable {
    var T, B, V, H: Int
    var L = 1
    /// Nil for one-hot vectors.
    var E: Int?
    var isTied = false
    var hasSingleBias = false

    var description: String {
        "T \(T) B \(B) V \(V) H \(H)" + (L == 1 ? "" : " L \(L)") + (E.map { " E \($0)" } ?? "")
            + (isTied ? " tied" : "") + (hasSingleBias ? " single bias" : "")
    }
}

/// A random model and a few minibatches in a row, the first of which starts afresh.
struct CheckedModel: Sendable {
    let configuration: ModelConfiguration
    let parameters: ModelParameters
    let minibatches: [Minibatch]
    /// The n-gram model of a random text, if the configuration has one.
    let ngrams: NGramModel?

    init(
        _ cell: any RecurrentCell.Type, _ size: ModelSize, zoneout: Zoneout = Zoneout(),
        ngrams: NGramConfiguration? = nil, minibatchCount: Int = 3
    ) throws {
        configuration = ModelConfiguration(
            cell: cell, hiddenSize: size.H, layerCount: size.L, embeddingSize: size.E,
            tiesWeights: size.isTied, hasSingleBias: size.hasSingleBias, zoneout: zoneout, ngrams: ngrams)
        var parameters = try ModelParameters(
            for: configuration, vocabularySize: size.V, initializer: .uniform, seed: UInt64(size.T))
        // Inputs that matter beside states.
        for index in parameters.entries.indices where parameters.entries[index].name.contains("ih") {
            parameters.entries[index].values = parameters.entries[index].values.map { 3 * $0 }
        }
        self.parameters = parameters
        var source = RandomSource(seed: UInt64(size.B), purpose: .partitioning)
        minibatches = (0..<minibatchCount).map { index in
            var minibatch = Minibatch()
            minibatch.reshape(sequenceLength: size.T, batchSize: size.B, continuesState: index > 0)
            for token in minibatch.inputs.indices {
                minibatch.inputs[token] = Int32(source.integer(below: size.V))
                minibatch.targets[token] = Int32(source.integer(below: size.V))
            }
            return minibatch
        }
        // Half of the text has few tokens, so that sequences occur several times.
        let text = (0..<2000).map { Int32(source.integer(below: $0 < 1000 ? size.V : min(size.V, 5))) }
        self.ngrams = try ngrams.map {
            try NGramModel(of: TokenIDs(text), vocabularySize: size.V, order: $0.order)
        }
    }

    /// The parameters as the products of a precision see them.
    ///
    /// Biases are added, and rows of one-hot weights are looked up: neither is rounded.
    func rounded(to precision: Precision) -> ModelParameters {
        guard precision == .bfloat16 else { return parameters }
        var rounded = parameters
        for index in rounded.entries.indices {
            let name = rounded.entries[index].name
            let isLookedUp = name == "rnn.weight_ih_l0" && configuration.embeddingSize == nil
            guard name.contains("weight"), !isLookedUp else { continue }
            // Halves of the last place do not occur among random numbers; ties need no rule.
            rounded.entries[index].values = rounded.entries[index].values.map {
                Float(bitPattern: ($0.bitPattern &+ 0x8000) & 0xffff_0000)
            }
        }
        return rounded
    }

    /// What double precision finds for each minibatch, with what is left out at random in each step.
    func reference(in precision: Precision, _ regularization: Regularization? = nil) throws -> [Expected] {
        let engine = try ReferenceEngine(configuration: configuration, parameters: rounded(to: precision))
        return try minibatches.enumerated().map { step, minibatch in
            let (loss, gradients) = try engine.gradients(
                on: minibatch,
                randomness: regularization.map { StepRandomness(regularization: $0, seed: 77, step: step) })
            let nats = try engine.evaluate(minibatch)
            return Expected(meanLoss: loss, gradients: gradients, nats: nats, state: engine.state)
        }
    }

    /// What an engine must find for a minibatch.
    struct Expected: Sendable {
        let meanLoss: Double
        let gradients: NamedTensors<Double>
        /// The loss of the minibatch when nothing is left out.
        let nats: Double
        /// The state after the minibatch.
        let state: NamedTensors<Float>
    }

    /// Steps of training, with a learning rate that keeps them where single precision follows.
    func steps(
        with optimizer: Optimizer, regularization: Regularization? = nil
    ) -> [TrainingStep] {
        minibatches.enumerated().map { step, minibatch in
            TrainingStep(
                minibatch: minibatch, optimizer: optimizer,
                randomness: regularization.map { StepRandomness(regularization: $0, seed: 77, step: step) })
        }
    }
}

extension Precision {
    /// How far losses and tensors may be from those of double precision: those of the engine's tests.
    var tolerance: (loss: Double, tensor: Double) {
        switch self {
        case .float32: (1e-5, 1e-5)
        case .bfloat16, .int8: (2e-3, 3e-2)
        }
    }
}
