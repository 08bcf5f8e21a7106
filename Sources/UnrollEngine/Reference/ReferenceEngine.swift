import UnrollBase
import UnrollModel
import UnrollText

/// An engine in double precision and plain loops: slow, obviously right, and what the others are checked against.
///
/// It goes through a minibatch sequence by sequence, and through a sequence step by step and layer by layer.
public final class ReferenceEngine: Engine {
    /// What the model is made of.
    public let configuration: ModelConfiguration
    /// How many tokens the model knows, `V`.
    public let vocabularySize: Int

    /// The states of all layers in one sequence: layer, state of the cell, `[H]`.
    private typealias States = [[[Double]]]

    private let cell: CellGraph
    private var weights: ReferenceWeights
    private var optimizer = ReferenceOptimizer()
    /// The carried states of each sequence; empty stands for zeros.
    private var carried: [States] = []

    /// Creates an engine that starts from these parameters.
    public init(configuration: ModelConfiguration, parameters: ModelParameters) throws(EngineError) {
        do throws(ModelError) {
            vocabularySize = try parameters.checkedVocabularySize(for: configuration)
            cell = try configuration.cellGraph()
        } catch {
            throw .model(error)
        }
        self.configuration = configuration
        weights = ReferenceWeights(
            configuration.parameterShapes(vocabularySize: vocabularySize).compactMap {
                parameters[$0.name]?.values.map(Double.init)
            }, of: configuration)
    }

    /// A copy of the parameters, rounded to single precision.
    public var parameters: ModelParameters {
        ModelParameters(
            preciseParameters.entries.map {
                .init(name: $0.name, shape: $0.shape, values: $0.values.map(Float.init))
            })
    }

    /// A copy of the parameters as they are.
    package var preciseParameters: NamedTensors<Double> { named(weights) }

    /// What goes on in the optimizer, rounded to single precision.
    public var optimizerState: OptimizerState { optimizer.state(shapes: shapes) }

    /// Goes on from this state of an optimizer.
    public func restoreOptimizerState(_ state: OptimizerState) throws(EngineError) {
        optimizer = try ReferenceOptimizer(state, shapes: shapes)
    }

    /// Exchanges the parameters and their running average; nothing without one.
    public func exchangeParametersWithAverage() {
        updateParameters { optimizer.exchangeAverage(with: &$0) }
    }

    private func updateParameters(_ body: (inout [[Double]]) -> Void) {
        var tensors = weights.all
        body(&tensors)
        weights = ReferenceWeights(tensors, of: configuration)
    }

    /// Names and shapes of the parameters.
    private var shapes: [(name: String, shape: [Int])] {
        configuration.parameterShapes(vocabularySize: vocabularySize)
    }

    /// The carried state, rounded to single precision.
    public var state: NamedTensors<Float> {
        guard !carried.isEmpty else { return NamedTensors() }
        let shape = [configuration.layerCount, carried.count, configuration.hiddenSize]
        return NamedTensors(
            configuration.cell.states.enumerated().map { index, name in
                let values = (0..<shape[0]).flatMap { layer in carried.flatMap { $0[layer][index] } }
                return .init(name: name, shape: shape, values: values.map(Float.init))
            })
    }

    /// Goes on from this state, or from zeros if it is empty.
    public func restoreState(_ state: NamedTensors<Float>) throws(EngineError) {
        let (B, H) = (try state.checkedBatchSize(for: configuration), configuration.hiddenSize)
        let tensors = configuration.cell.states.compactMap { state[$0]?.values.map(Double.init) }
        carried = (0..<B).map { b in
            (0..<configuration.layerCount).map { layer in
                tensors.map { Array($0[(layer * B + b) * H..<(layer * B + b + 1) * H]) }
            }
        }
    }

    /// One step of training.
    public func train(
        on minibatch: Minibatch, with optimizer: Optimizer, under conditions: TrainingConditions?
    ) throws(EngineError) -> StepResult {
        try optimizer.check()
        let masks = try masks(under: conditions)
        let passes = try forward(minibatch, masks)
        let gradients = backward(passes, masks)
        let norm = gradients.all.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
        let result = StepResult(
            meanLoss: totalLoss(of: passes) / Double(minibatch.tokenCount), gradientNorm: norm)
        if result.isFinite {
            carried = passes.map(\.finalStates)
            updateParameters {
                self.optimizer.update(&$0, gradients: gradients.all, norm: norm, with: optimizer)
            }
        }
        return result
    }

    /// The loss and its gradient with respect to every parameter.
    public func gradients(
        on minibatch: Minibatch, under conditions: TrainingConditions?
    ) throws(EngineError) -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        let masks = try masks(under: conditions)
        let passes = try forward(minibatch, masks)
        return (totalLoss(of: passes) / Double(minibatch.tokenCount), named(backward(passes, masks)))
    }

    /// The summed loss over the minibatch, in nats.
    public func evaluate(_ minibatch: Minibatch) throws(EngineError) -> Double {
        let passes = try forward(minibatch, evaluationMasks)
        carried = passes.map(\.finalStates)
        return totalLoss(of: passes)
    }

    /// Reads one token and writes the logits of the next.
    public func advance(_ token: Int32, logits: inout [Float]) throws(EngineError) {
        try advance([token], logits: &logits)
    }

    /// Reads one token of each of several texts and writes the logits of the next ones.
    public func advance(_ tokens: [Int32], logits: inout [Float]) throws(EngineError) {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 1, batchSize: tokens.count, continuesState: true)
        minibatch.inputs = tokens
        let passes = try forward(minibatch, evaluationMasks)
        carried = passes.map(\.finalStates)
        logits = passes.flatMap { $0.logits[0].map(Float.init) }
    }

    /// The forward pass of one sequence, with everything that the backward pass needs.
    private struct Pass {
        /// The row of the minibatch.
        let row: Int
        var tokens: [Int] = []
        /// What the decoder reads: step, `[H]`.
        var outputs: [[Double]] = []
        /// Step, layer.
        var steps: [[ReferenceLayer.Step]] = []
        /// Step, `[V]`.
        var logits: [[Double]] = []
        var losses: [CrossEntropy] = []

        var finalStates: States { steps.last?.map(\.states) ?? [] }
    }

    private func totalLoss(of passes: [Pass]) -> Double {
        passes.reduce(0) { $1.losses.reduce($0) { $0 + $1.value } }
    }

    private func named(_ weights: ReferenceWeights) -> NamedTensors<Double> {
        NamedTensors(
            zip(shapes, weights.all).map {
                .init(name: $0.name, shape: $0.shape, values: $1)
            })
    }

    private func masks(under conditions: TrainingConditions?) throws(EngineError) -> ReferenceMasks {
        guard let conditions else { return evaluationMasks }
        try conditions.regularization.check(for: configuration)
        return ReferenceMasks(StepMasks(conditions, of: configuration), of: configuration)
    }

    private var evaluationMasks: ReferenceMasks { ReferenceMasks(nil, of: configuration) }

    /// Returns the passes of all sequences, `B`.
    private func forward(_ minibatch: Minibatch, _ masks: ReferenceMasks) throws(EngineError) -> [Pass] {
        try minibatch.check(vocabularySize: vocabularySize)
        let (T, B) = (minibatch.sequenceLength, minibatch.batchSize)
        let (L, H) = (configuration.layerCount, configuration.hiddenSize)
        let goesOn = minibatch.continuesState && !carried.isEmpty
        guard !goesOn || carried.count == B else {
            throw .stateMismatch(expected: [L, B, H], actual: [L, carried.count, H])
        }
        let state = [[Double]](repeating: [Double](repeating: 0, count: H), count: cell.stateCount)
        let zeros = States(repeating: state, count: L)
        let layers = masks.droppingWeights(of: weights.layers)
        return (0..<B).map { b in
            var pass = Pass(row: b)
            var states = goesOn ? carried[b] : zeros
            for t in 0..<T {
                let token = Int(minibatch.inputs[t * B + b])
                var input = self.input(of: token, masks)
                var above: [Double] = []
                let steps = layers.indices.map { index in
                    let step = layers[index].forward(
                        input, after: states[index], cell: cell,
                        masks: masks.newStates(layer: index, time: t, row: b))
                    above = masks.output(step.states[0], layer: index, time: t, row: b)
                    input = .vector(above)
                    return step
                }
                states = steps.map(\.states)
                let logits = decode(above)
                pass.outputs.append(above)
                pass.tokens.append(token)
                pass.steps.append(steps)
                pass.logits.append(logits)
                pass.losses.append(
                    CrossEntropy(
                        logits: logits, target: Int(minibatch.targets[t * B + b]),
                        smoothing: masks.labelSmoothing))
            }
            return pass
        }
    }

    /// What the first layer reads.
    private func input(of token: Int, _ masks: ReferenceMasks) -> ReferenceLayer.Input {
        guard let embedding = weights.embedding else { return .token(token) }
        let E = embedding.count / vocabularySize
        return .vector(masks.vector(Array(embedding[token * E..<(token + 1) * E]), of: token))
    }

    private func decode(_ output: [Double]) -> [Double] {
        let H = output.count
        return weights.decoderBias.indices.map { v in
            (0..<H).reduce(weights.decoderBias[v]) { $0 + weights.decoder[v * H + $1] * output[$1] }
        }
    }

    /// The gradient of the mean loss over all sequences.
    private func backward(_ passes: [Pass], _ masks: ReferenceMasks) -> ReferenceWeights {
        let scale = 1 / Double(passes.reduce(0) { $0 + $1.steps.count })
        var gradients = weights.zeros
        let layers = masks.droppingWeights(of: weights.layers)
        for pass in passes {
            // The gradient of each state after a step, as later steps left it.
            var later = pass.finalStates.map { $0.map { $0.map { _ in 0.0 } } }
            for t in pass.steps.indices.reversed() {
                // The gradient of what a layer gives to the one above, and of the embedding in the end.
                var above = decoderGradient(
                    pass.losses[t].gradient.map { $0 * scale }, output: pass.outputs[t],
                    into: &gradients)
                for (index, layer) in layers.enumerated().reversed() {
                    var states = later[index]
                    above = masks.output(above, layer: index, time: t, row: pass.row)
                    for j in above.indices { states[0][j] += above[j] }
                    (above, later[index]) = layer.backward(
                        pass.steps[t][index], stateGradients: states, cell: cell,
                        into: &gradients.layers[index])
                }
                above = masks.vector(above, of: pass.tokens[t])
                for index in above.indices {
                    gradients.embedding?[pass.tokens[t] * above.count + index] += above[index]
                }
            }
        }
        gradients.layers = masks.droppingWeights(of: gradients.layers)
        if configuration.hasSingleBias {
            for layer in gradients.layers.indices {
                gradients.layers[layer].hiddenBias = gradients.layers[layer].hiddenBias.map { _ in 0 }
            }
        }
        return gradients.addingTied
    }

    /// Adds the gradient of the decoder's parameters, given that of the logits; returns that of its input.
    private func decoderGradient(
        _ logits: [Double], output: [Double], into gradients: inout ReferenceWeights
    ) -> [Double] {
        let H = output.count
        var outputGradient = [Double](repeating: 0, count: H)
        for v in logits.indices {
            gradients.decoderBias[v] += logits[v]
            for j in 0..<H {
                gradients.decoder[v * H + j] += logits[v] * output[j]
                outputGradient[j] += logits[v] * weights.decoder[v * H + j]
            }
        }
        return outputGradient
    }
}
