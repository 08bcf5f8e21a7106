import Foundation
import UnrollBase
import UnrollCluster
import UnrollKernels
import UnrollModel
import UnrollText

// The model in double precision and plain loops: slow, obviously right, and what every other engine is checked against.
//
// Read it from top to bottom. First the parameters. Then the parts of the network in the order in which a token passes
// through them, each with its backward pass below its forward pass: embedding, layer, decoder, loss. Then the engine,
// which runs the parts over a minibatch: sequence by sequence, forward through time, and back. What an optimizer makes
// of the gradient is in ReferenceOptimizer.swift.
//
// Letters: T time steps, B batch, V vocabulary, E embedding, H hidden units, L layers, G gates; I is the size of what a
// layer reads: E or V for the first, H for the others. Tensors are arrays of rows, in the shape that stands beside them.
// A backward function takes the gradient of the loss with respect to what its forward function returned. It returns the
// gradient with respect to the arguments, and adds that of the parameters to `gradients`.

// MARK: Parameters

/// The parameters of a model, or their gradients.
struct ReferenceParameters {
    /// The parameters of one recurrent layer.
    struct Layer {
        var input: [Double]  // [G H, I]
        var hidden: [Double]  // [G H, H]
        var inputBias: [Double]  // [G H]
        var hiddenBias: [Double]  // [G H]
        var vectors: [[Double]]  // [vectors, H]
    }

    var embedding: [Double]?  // [V, E]; nil if tokens are one-hot vectors
    var layers: [Layer]  // L of them
    var decoder: [Double]  // [V, H]; a copy of the embedding if weights are tied
    var decoderBias: [Double]  // [V]
    private let configuration: ModelConfiguration

    /// Takes tensors in the order of `ModelConfiguration.parameterShapes`.
    init(_ tensors: [[Double]], of configuration: ModelConfiguration) {
        var rest = tensors[...]
        let embedding = configuration.embeddingSize == nil ? nil : rest.removeFirst()
        self.embedding = embedding
        layers = (0..<configuration.layerCount).map { _ in
            Layer(
                input: rest.removeFirst(), hidden: rest.removeFirst(), inputBias: rest.removeFirst(),
                hiddenBias: rest.removeFirst(),
                vectors: configuration.cell.vectorNames.map { _ in rest.removeFirst() })
        }
        let tied = configuration.tiesWeights ? embedding : nil
        decoder = tied ?? rest.removeFirst()
        decoderBias = rest.removeFirst()
        self.configuration = configuration
    }

    /// The tensors in the order of `ModelConfiguration.parameterShapes`.
    var tensors: [[Double]] {
        let recurrent = layers.flatMap { [$0.input, $0.hidden, $0.inputBias, $0.hiddenBias] + $0.vectors }
        let output = configuration.tiesWeights ? [decoderBias] : [decoder, decoderBias]
        return (embedding.map { [$0] } ?? []) + recurrent + output
    }

    /// Gradients before anything was added to them.
    var zeros: ReferenceParameters {
        ReferenceParameters(tensors.map { [Double](repeating: 0, count: $0.count) }, of: configuration)
    }
}

// MARK: Embedding

/// What a layer reads in one step.
enum LayerInput {
    /// A one-hot vector, `[V]`: the product with it is a column of the weights.
    case token(Int)
    /// A token's vector, `[E]`, or the output of the layer below, `[H]`.
    case vector([Double])

    /// The number for a unit where there are as many; not a number of a token, which no formula reads.
    func number(_ unit: Int) -> Double {
        if case .vector(let x) = self, unit < x.count { x[unit] } else { .nan }
    }
}

extension ReferenceParameters {
    /// Returns what the first layer reads: the token's row of the embedding, `[E]`, or the token itself.
    func embed(_ token: Int, _ masks: ReferenceMasks) -> LayerInput {
        guard let embedding, let E = configuration.embeddingSize else { return .token(token) }
        return .vector(masks.vector(Array(embedding[token * E..<(token + 1) * E]), of: token))
    }

    /// Adds the gradient of a token's vector, `[E]`, to that of the embedding.
    mutating func addEmbeddingGradient(_ vector: [Double], of token: Int, _ masks: ReferenceMasks) {
        for (e, gradient) in masks.vector(vector, of: token).enumerated() {
            embedding?[token * vector.count + e] += gradient
        }
    }
}

// MARK: Layer

extension ReferenceParameters.Layer {
    /// One step of one sequence, with everything that the backward pass needs.
    struct Step {
        let input: LayerInput
        let previous: [[Double]]  // [states, H]
        let nodes: [[Double]]  // [H, nodes of the cell's graph]
        let states: [[Double]]  // [states, H]
    }

    /// Reads one input.
    ///
    /// - Parameters:
    ///   - x: What the layer reads, `[I]`.
    ///   - previous: The states before the step, `[states, H]`.
    ///   - cell: The cell's formula.
    ///   - changes: What share of each state's change happens, `[states, H]`.
    ///   - operands: What products multiply.
    /// - Returns: The states after the step, and what the backward pass needs.
    func forward(
        _ x: LayerInput, after previous: [[Double]], cell: CellGraph, changes: [[Double]],
        operands: ReferenceOperands
    ) -> Step {
        let H = previous[0].count
        let inputHalves = matmul(input, operands(x), plus: inputBias)  // [G H]
        let hiddenHalves = matmul(hidden, .vector(operands(previous[0])), plus: hiddenBias)  // [G H]
        let nodes = (0..<H).map { j in
            cell.forwardValues(
                gates: (0..<cell.gateCount).map { gate in
                    let unit = gate * H + j
                    return hiddenHalves[unit] + (cell.splitGates.contains(gate) ? 0 : inputHalves[unit])
                },
                gateInputs: cell.splitGates.map { inputHalves[$0 * H + j] }, layerInput: x.number(j),
                states: previous.map { $0[j] }, parameters: vectors.map { $0[j] },
                masks: changes.map { $0[j] })
        }
        return Step(
            input: x, previous: previous, nodes: nodes,
            states: cell.newStates.map { node in nodes.map { $0[node] } })
    }

    /// Goes back through one step.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - states: The gradient of the states after it, `[states, H]`.
    ///   - cell: The cell's formula and its derivative.
    ///   - gradients: The gradients of this layer's parameters.
    /// - Returns: The gradient of what was read, `[I]`, empty if it is a token, and of the states before the step,
    ///   `[states, H]`.
    func backward(
        _ step: Step, states: [[Double]], cell: CellGraph,
        into gradients: inout ReferenceParameters.Layer
    ) -> (input: [Double], previous: [[Double]]) {
        let H = states[0].count
        var inputHalves = [Double](repeating: 0, count: cell.gateCount * H)  // [G H]
        var hiddenHalves = inputHalves  // [G H]
        var previous = step.previous  // [states, H]
        var read = [Double](repeating: 0, count: H)  // [H]
        for j in 0..<H {
            let unit = cell.gradients(forwardValues: step.nodes[j], stateGradients: states.map { $0[j] })
            for gate in unit.gates.indices {
                hiddenHalves[gate * H + j] = unit.gates[gate]
                inputHalves[gate * H + j] = unit.gates[gate]
            }
            for (gate, gradient) in zip(cell.splitGates, unit.gateInputs) {
                inputHalves[gate * H + j] = gradient
            }
            for state in unit.states.indices { previous[state][j] = unit.states[state] }
            read[j] = unit.layerInput
            for vector in unit.parameters.indices { gradients.vectors[vector][j] += unit.parameters[vector] }
        }
        var x = matmulBackward(
            inputHalves, input, step.input, weights: &gradients.input, bias: &gradients.inputBias)  // [I]
        let h = matmulBackward(
            hiddenHalves, hidden, .vector(step.previous[0]), weights: &gradients.hidden,
            bias: &gradients.hiddenBias)  // [H]
        for j in 0..<H { previous[0][j] += h[j] }
        if cell.readsLayerInput {
            for j in 0..<H { x[j] += read[j] }
        }
        return (x, previous)
    }
}

/// Returns `weights · x + bias`, `[M]`; weights are `[M, N]`, x is `[N]`, bias `[M]`.
private func matmul(_ weights: [Double], _ x: LayerInput, plus bias: [Double]) -> [Double] {
    let N = weights.count / bias.count
    return bias.indices.map { m in
        switch x {
        case .token(let token): return bias[m] + weights[m * N + token]
        case .vector(let x):
            var sum = bias[m]
            for n in 0..<N { sum += weights[m * N + n] * x[n] }
            return sum
        }
    }
}

/// Returns the gradient of `x`, `[N]`, empty for a token, given that of the product, `[M]`.
private func matmulBackward(
    _ product: [Double], _ weights: [Double], _ x: LayerInput, weights weightGradients: inout [Double],
    bias biasGradients: inout [Double]
) -> [Double] {
    let N = weights.count / product.count
    for m in product.indices { biasGradients[m] += product[m] }
    switch x {
    case .token(let token):
        for m in product.indices { weightGradients[m * N + token] += product[m] }
        return []
    case .vector(let x):
        var gradient = [Double](repeating: 0, count: N)
        for m in product.indices {
            for n in 0..<N {
                weightGradients[m * N + n] += product[m] * x[n]
                gradient[n] += product[m] * weights[m * N + n]
            }
        }
        return gradient
    }
}

/// The cell's formula for one unit, and its derivative: one number after the other.
extension CellGraph {
    /// The values of all nodes up to the new states, for one unit.
    ///
    /// - Parameters:
    ///   - gates: Each gate's value, `[G]`; of a split one, the half from the previous state.
    ///   - gateInputs: The other halves of split gates.
    ///   - layerInput: What the layer reads for this unit.
    ///   - states: The previous states.
    ///   - parameters: The learned vectors' numbers for this unit.
    ///   - masks: What share of each state's change happens; read for masked states alone.
    /// - Returns: A value for every node.
    func forwardValues(
        gates: [Double], gateInputs: [Double], layerInput: Double, states: [Double], parameters: [Double],
        masks: [Double] = []
    ) -> [Double] {
        let leaves = Leaves(
            gates: gates, gateInputs: gateInputs, layerInput: layerInput, states: states,
            parameters: parameters, masks: masks)
        var values: [Double] = []
        for node in nodes[..<forwardCount] { values.append(value(of: node, given: values, leaves: leaves)) }
        return values
    }

    /// The gradients of all that a formula reads, for one unit.
    func gradients(forwardValues: [Double], stateGradients: [Double]) -> LeafGradients {
        let leaves = Leaves(stateGradients: stateGradients)
        var values = forwardValues
        for node in nodes[forwardCount...] { values.append(value(of: node, given: values, leaves: leaves)) }
        return LeafGradients(
            gates: gateGradients.map { values[$0] }, gateInputs: gateInputGradients.map { values[$0] },
            layerInput: layerInputGradient.map { values[$0] } ?? 0,
            states: previousStateGradients.map { values[$0] },
            parameters: parameterGradients.map { values[$0] })
    }

    /// The gradients of what a formula begins with.
    struct LeafGradients {
        let gates: [Double]
        let gateInputs: [Double]
        let layerInput: Double
        let states: [Double]
        let parameters: [Double]
    }

    /// The values that a formula begins with.
    private struct Leaves {
        var gates: [Double] = []
        var gateInputs: [Double] = []
        var layerInput = 0.0
        var states: [Double] = []
        var parameters: [Double] = []
        var masks: [Double] = []
        var stateGradients: [Double] = []
    }

    private func value(of node: Node, given values: [Double], leaves: Leaves) -> Double {
        switch node {
        case .gate(let index): leaves.gates[index]
        case .gateInput(let index): leaves.gateInputs[index]
        case .previousState(let index): leaves.states[index]
        case .parameter(let index): leaves.parameters[index]
        case .layerInput: leaves.layerInput
        case .mask(let state): leaves.masks[state]
        case .stateGradient(let index): leaves.stateGradients[index]
        case .constant(let constant): constant
        case .unary, .binary, .power, .derivative, .gradientOfGreater:
            // Of an operation there is always a value.
            Self.value(of: node, given: values) ?? .nan
        }
    }
}

// MARK: Decoder

extension ReferenceParameters {
    /// Returns the logits, `[V]`, of the top layer's output, `[H]`.
    func decode(_ output: [Double]) -> [Double] {
        matmul(decoder, .vector(output), plus: decoderBias)
    }

    /// Returns the gradient of the output, `[H]`, given that of the logits, `[V]`.
    func decodeBackward(
        _ logits: [Double], output: [Double], into gradients: inout ReferenceParameters
    ) -> [Double] {
        matmulBackward(
            logits, decoder, .vector(output), weights: &gradients.decoder, bias: &gradients.decoderBias)
    }
}

// MARK: Loss

/// Softmax and cross-entropy of one token.
struct ReferenceLoss {
    let nats: Double
    let probabilities: [Double]  // [V]
    private let target: Int

    /// Computes the loss of a target from logits, `[V]`.
    init(logits: [Double], target: Int) {
        let greatest = logits.reduce(-.infinity) { $1 > $0 || $1.isNaN ? $1 : $0 }
        let powers = logits.map { exp($0 - greatest) }
        let sum = powers.reduce(0, +)
        nats = log(sum) + greatest - logits[target]
        probabilities = powers.map { $0 / sum }
        self.target = target
    }

    /// The gradient of the logits, `[V]`: probabilities less the one-hot target, of which `smoothing` is spread over all
    /// tokens.
    func gradient(smoothing: Double) -> [Double] {
        probabilities.enumerated().map {
            $1 - ($0 == target ? 1 - smoothing : 0) - smoothing / Double(probabilities.count)
        }
    }

    /// The loss to be expected.
    var entropy: Double { probabilities.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 } }
}

// MARK: Masks

/// What a step leaves out, number by number.
///
/// Without a step's masks, only changes of state have a share: the expected.
struct ReferenceMasks {
    let step: StepMasks?
    let configuration: ModelConfiguration

    var labelSmoothing: Double { Double(step?.regularization.labelSmoothing ?? 0) }

    /// A layer's output, or its gradient, between layers, `[H]`.
    func output(_ values: [Double], layer: Int, time: Int, row: Int) -> [Double] {
        guard let step, let mask = step.output(layer: layer) else { return values }
        let time = step.outputTime(time)
        return values.enumerated().map { mask.applied(to: $1, time: time, row: row, unit: $0) }
    }

    /// The vector of a token, or its gradient, `[E]`.
    func vector(_ values: [Double], of token: Int) -> [Double] {
        guard let mask = step?.embedding else { return values }
        return values.map { mask.applied(to: $0, time: 0, row: token, unit: 0) }
    }

    /// The layers with their recurrent weights, or the gradients of these, masked.
    func droppingWeights(of layers: [ReferenceParameters.Layer]) -> [ReferenceParameters.Layer] {
        layers.enumerated().map { index, layer in
            guard let mask = step?.recurrentWeights(layer: index) else { return layer }
            var layer = layer
            let H = configuration.hiddenSize
            for row in 0..<layer.hidden.count / H {  // [G H]
                for column in 0..<H {
                    layer.hidden[row * H + column] = mask.applied(
                        to: layer.hidden[row * H + column], time: row / H, row: column, unit: row % H)
                }
            }
            return layer
        }
    }

    /// What share of each state's change happens, `[states, H]`.
    func changes(layer: Int, time: Int, row: Int) -> [[Double]] {
        configuration.cell.states.indices.map { state in
            let expected = 1 - Double(configuration.zoneout.probability(ofState: state))
            return (0..<configuration.hiddenSize).map { unit in
                guard let step else { return expected }
                guard let mask = step.newState(layer: layer, state: state) else { return 1 }
                return mask.keeps(time: time, row: row, unit: unit) ? 1 : 0
            }
        }
    }
}

extension StepMasks.Mask {
    fileprivate func applied(to value: Double, time: Int, row: Int, unit: Int) -> Double {
        random.keeps(time: time, row: row, unit: unit) ? value * Double(scale) : 0
    }
}

// MARK: Engine

/// An engine in double precision and plain loops: slow, obviously right, and what the others are checked against.
public final class ReferenceEngine: Engine {
    /// The model's configuration.
    public let configuration: ModelConfiguration
    /// Tokens that the model knows, `V`.
    public let vocabularySize: Int

    /// The states of all layers in one sequence, `[L, states, H]`.
    private typealias States = [[[Double]]]

    private let cell: CellGraph
    private let operands: ReferenceOperands
    private(set) var weights: ReferenceParameters
    private var optimizer = ReferenceOptimizer()
    /// The carried states of each sequence, `[B]`; empty stands for zeros.
    private var carried: [States] = []
    /// The sequences of the last minibatch, if it was evaluated.
    private var evaluated: [SequencePass] = []
    /// Gradients of shards, with other numbers behind them.
    var shardGradients: [AlignedBuffer] = []
    let sumMemory = HostMemory()

    /// Creates an engine that starts from these parameters.
    ///
    /// - Parameters:
    ///   - configuration: The model's configuration.
    ///   - parameters: The parameters under PyTorch's names.
    ///   - precision: What products multiply: with int8, rounded weights and vectors, and the engine cannot train; with
    ///     others, numbers in double precision. Default: float32.
    /// - Throws: `ModelError` when the cell or the parameters do not fit the configuration, or weights that int8 has no
    ///   place for are not finite.
    public init(
        configuration: ModelConfiguration, parameters: ModelParameters, precision: Precision = .float32
    ) throws {
        vocabularySize = try parameters.checkedVocabularySize(for: configuration)
        cell = try configuration.cellGraph()
        operands = ReferenceOperands(precision)
        let parameters = try operands(parameters)
        self.configuration = configuration
        weights = ReferenceParameters(
            configuration.parameterShapes(vocabularySize: vocabularySize).compactMap {
                parameters[$0.name]?.values.map(Double.init)
            }, of: configuration)
    }

    private init(sharing other: ReferenceEngine) {
        configuration = other.configuration
        vocabularySize = other.vocabularySize
        cell = other.cell
        operands = other.operands
        weights = other.weights
    }

    /// Creates an engine with the parameters of this one and a state of its own.
    public func sharingParameters(threads: Int?) -> ReferenceEngine { ReferenceEngine(sharing: self) }

    /// `reference`, or `reference (int8)`.
    public var description: EngineDescription {
        EngineDescription(name: "reference", precision: operands == .int8 ? .int8 : nil)
    }

    // MARK: Forward and backward

    /// The forward pass of one sequence, with everything that the backward pass needs.
    private struct SequencePass {
        /// The row of the whole minibatch.
        let row: Int
        var tokens: [Int] = []  // [T]
        var layers: [[ReferenceParameters.Layer.Step]] = []  // [T, L]
        var outputs: [[Double]] = []  // [T, H]: what the decoder reads
        var logits: [[Double]] = []  // [T, V]
        var losses: [ReferenceLoss] = []  // [T]

        var finalStates: States { layers.last?.map(\.states) ?? [] }  // [L, states, H]
    }

    /// Runs all sequences of a minibatch, `[B]`.
    private func forward(_ minibatch: Minibatch, _ masks: ReferenceMasks) throws -> [SequencePass] {
        evaluated = []
        try minibatch.check(vocabularySize: vocabularySize)
        let (T, B) = (minibatch.sequenceLength, minibatch.batchSize)
        let (L, H) = (configuration.layerCount, configuration.hiddenSize)
        let continues = minibatch.continuesState && !carried.isEmpty
        guard !continues || carried.count == B else {
            throw EngineError.stateMismatch(expected: [L, B, H], actual: [L, carried.count, H])
        }
        let state = [[Double]](repeating: [Double](repeating: 0, count: H), count: cell.stateCount)
        let zeros = States(repeating: state, count: L)  // [L, states, H]
        let layers = masks.droppingWeights(of: weights.layers)
        return (0..<B).map { b in
            var sequence = SequencePass(row: minibatch.firstRow + b)
            var states = continues ? carried[b] : zeros  // [L, states, H]
            for t in 0..<T {
                let token = Int(minibatch.inputs[t * B + b])
                var input = weights.embed(token, masks)  // [E], or [V] one-hot
                var output: [Double] = []  // [H]
                let steps = (0..<L).map { l in
                    let step = layers[l].forward(
                        input, after: states[l], cell: cell,
                        changes: masks.changes(layer: l, time: t, row: sequence.row), operands: operands)
                    output = masks.output(step.states[0], layer: l, time: t, row: sequence.row)
                    input = .vector(output)
                    return step
                }
                states = steps.map(\.states)
                let logits = weights.decode(operands(output))  // [V]
                sequence.tokens.append(token)
                sequence.layers.append(steps)
                sequence.outputs.append(output)
                sequence.logits.append(logits)
                sequence.losses.append(
                    ReferenceLoss(logits: logits, target: Int(minibatch.targets[t * B + b])))
            }
            return sequence
        }
    }

    /// The part that these sequences have in the gradient of the mean loss over so many tokens.
    private func backward(
        _ sequences: [SequencePass], of tokenCount: Int, _ masks: ReferenceMasks
    ) -> ReferenceParameters {
        let scale = 1 / Double(tokenCount)
        var gradients = weights.zeros
        let layers = masks.droppingWeights(of: weights.layers)
        for sequence in sequences {
            // The gradient of each state after a step, as later steps left it, [L, states, H].
            var later = sequence.finalStates.map { $0.map { $0.map { _ in 0.0 } } }
            for t in sequence.tokens.indices.reversed() {
                let loss = sequence.losses[t].gradient(smoothing: masks.labelSmoothing)  // [V]
                // The gradient of what a layer gives to the one above, [H], and of the token's vector in the end, [E].
                var above = weights.decodeBackward(
                    loss.map { $0 * scale }, output: sequence.outputs[t], into: &gradients)
                for l in layers.indices.reversed() {
                    above = masks.output(above, layer: l, time: t, row: sequence.row)
                    var states = later[l]  // [states, H]
                    for j in above.indices { states[0][j] += above[j] }
                    (above, later[l]) = layers[l].backward(
                        sequence.layers[t][l], states: states, cell: cell, into: &gradients.layers[l])
                }
                gradients.addEmbeddingGradient(above, of: sequence.tokens[t], masks)
            }
        }
        gradients.layers = masks.droppingWeights(of: gradients.layers)
        if configuration.hasSingleBias {
            for l in gradients.layers.indices {
                gradients.layers[l].hiddenBias = gradients.layers[l].hiddenBias.map { _ in 0 }
            }
        }
        if configuration.tiesWeights {
            gradients.embedding = gradients.embedding.map { zip($0, gradients.decoder).map { $0 + $1 } }
        }
        return gradients
    }

    private func totalLoss(of sequences: [SequencePass]) -> Double {
        sequences.reduce(0) { $1.losses.reduce($0) { $0 + $1.nats } }
    }

    private func masks(_ randomness: StepRandomness?) throws -> ReferenceMasks {
        try randomness?.regularization.check(for: configuration)
        return ReferenceMasks(
            step: randomness.map { StepMasks($0, of: configuration) }, configuration: configuration)
    }

    // MARK: Steps

    /// One step of training.
    public func train(
        on minibatch: Minibatch, with optimizer: Optimizer, randomness: StepRandomness?
    ) throws -> StepResult {
        try optimizer.check()
        let pass = try pass(over: minibatch, randomness)
        let result = update(
            with: pass.gradients.tensors, meanLoss: pass.loss / Double(minibatch.tokenCount), optimizer)
        if result.isFinite { carried = pass.states }
        return result
    }

    /// The summed loss of a shard, its part of the gradient, and the states after it, which go on.
    func advance(
        over shard: Minibatch, _ randomness: StepRandomness?
    ) throws -> (loss: Double, gradients: ReferenceParameters) {
        let pass = try pass(over: shard, randomness)
        carried = pass.states
        return (pass.loss, pass.gradients)
    }

    /// Updates the parameters, unless the loss or the gradient is not finite.
    func update(with gradients: [[Double]], meanLoss: Double, _ optimizer: Optimizer) -> StepResult {
        let norm = gradients.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
        let result = StepResult(meanLoss: meanLoss, gradientNorm: norm)
        if result.isFinite {
            updateParameters {
                self.optimizer.update(&$0, gradients: gradients, norm: norm, with: optimizer)
            }
        }
        return result
    }

    /// The loss and its gradient with respect to every parameter.
    public func gradients(
        on minibatch: Minibatch, randomness: StepRandomness?
    ) throws -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        let pass = try pass(over: minibatch, randomness)
        return (pass.loss / Double(minibatch.tokenCount), named(pass.gradients))
    }

    /// Goes forward and back: the summed loss, the gradients, and the states after it.
    private func pass(
        over minibatch: Minibatch, _ randomness: StepRandomness?
    ) throws -> (loss: Double, gradients: ReferenceParameters, states: [States]) {
        try checkTraining()
        let masks = try masks(randomness)
        let sequences = try forward(minibatch, masks)
        return (
            totalLoss(of: sequences), backward(sequences, of: minibatch.wholeTokenCount, masks),
            sequences.map(\.finalStates)
        )
    }

    /// Rounded weights have no gradient.
    private func checkTraining() throws(EngineError) {
        guard operands == .exact else { throw .noTraining(.int8) }
    }

    /// The summed loss over the minibatch, in nats.
    public func evaluate(_ minibatch: Minibatch) throws -> Double {
        let sequences = try forward(minibatch, masks(nil))
        carried = sequences.map(\.finalStates)
        evaluated = sequences
        return totalLoss(of: sequences)
    }

    /// Reads one token and writes the logits of the next, `[V]`.
    public func advance(_ token: Int32, logits: inout [Float]) throws {
        try advance([token], logits: &logits)
    }

    /// Reads one token of each of `B` texts and writes the logits of the next ones, `[B, V]`.
    public func advance(_ tokens: [Int32], logits: inout [Float]) throws {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 1, batchSize: tokens.count, continuesState: true)
        minibatch.inputs = tokens
        let sequences = try forward(minibatch, masks(nil))
        carried = sequences.map(\.finalStates)
        logits = sequences.flatMap { $0.logits[0].map(Float.init) }
    }

    // MARK: Predictions

    /// How well the target at a step and row of the last minibatch was predicted.
    public func prediction(step: Int, row: Int) throws(EngineError) -> TokenPrediction {
        let loss = try sequence(row, reaching: step).losses[step]
        return TokenPrediction(loss: loss.nats, entropy: loss.entropy)
    }

    /// Copies the probabilities of all tokens at a step and row, `[V]`.
    public func copyProbabilities(
        step: Int, row: Int, to probabilities: inout [Float]
    ) throws(EngineError) {
        probabilities = try sequence(row, reaching: step).losses[step].probabilities.map(Float.init)
    }

    /// Copies the units of a state after a step, `[H]`.
    public func copyUnits(
        ofState state: Int, layer: Int, step: Int, row: Int, to units: inout [Float]
    ) throws(EngineError) {
        let layers = try sequence(row, reaching: step).layers[step]
        guard layers.indices.contains(layer), layers[layer].states.indices.contains(state) else {
            throw .noPrediction(step: step, row: row)
        }
        units = layers[layer].states[state].map(Float.init)
    }

    private func sequence(_ row: Int, reaching step: Int) throws(EngineError) -> SequencePass {
        guard evaluated.indices.contains(row), evaluated[row].losses.indices.contains(step) else {
            throw .noPrediction(step: step, row: row)
        }
        return evaluated[row]
    }

    // MARK: Exchange

    /// A copy of the parameters, rounded to single precision.
    public var parameters: ModelParameters {
        ModelParameters(
            preciseParameters.entries.map {
                .init(name: $0.name, shape: $0.shape, values: $0.values.map(Float.init))
            })
    }

    /// A copy of the parameters as they are.
    package var preciseParameters: NamedTensors<Double> { named(weights) }

    /// The carried state, rounded to single precision: each of the cell's states as `[L, B, H]`.
    public var state: NamedTensors<Float> {
        guard !carried.isEmpty else { return NamedTensors() }
        let shape = [configuration.layerCount, carried.count, configuration.hiddenSize]
        return NamedTensors(
            configuration.cell.states.enumerated().map { index, name in
                let values = (0..<shape[0]).flatMap { l in carried.flatMap { $0[l][index] } }
                return .init(name: name, shape: shape, values: values.map(Float.init))
            })
    }

    /// Continues from this state, or from zeros if it is empty.
    public func restoreState(_ state: NamedTensors<Float>) throws {
        let (B, H) = (try state.checkedBatchSize(for: configuration), configuration.hiddenSize)
        let tensors = configuration.cell.states.compactMap { state[$0]?.values.map(Double.init) }
        carried = (0..<B).map { b in
            (0..<configuration.layerCount).map { l in
                tensors.map { Array($0[(l * B + b) * H..<(l * B + b + 1) * H]) }
            }
        }
    }

    /// What the optimizer keeps, rounded to single precision.
    public var optimizerState: OptimizerState { optimizer.state(shapes: shapes) }

    /// Continues from this state of an optimizer.
    public func restoreOptimizerState(_ state: OptimizerState) throws {
        optimizer = try ReferenceOptimizer(state, shapes: shapes)
    }

    /// Exchanges the parameters and their running average; nothing without one.
    public func exchangeParametersWithAverage() {
        updateParameters { optimizer.exchangeAverage(with: &$0) }
    }

    private func updateParameters(_ body: (inout [[Double]]) -> Void) {
        var tensors = weights.tensors
        body(&tensors)
        weights = ReferenceParameters(tensors, of: configuration)
    }

    private var shapes: [(name: String, shape: [Int])] {
        configuration.parameterShapes(vocabularySize: vocabularySize)
    }

    private func named(_ weights: ReferenceParameters) -> NamedTensors<Double> {
        NamedTensors(
            zip(shapes, weights.tensors).map { .init(name: $0.name, shape: $0.shape, values: $1) })
    }
}
