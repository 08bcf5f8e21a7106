import UnrollCore
import UnrollModel

/// An engine in double precision and plain loops: slow, obviously right, and what the others are checked against.
public final class ReferenceEngine: Engine {
    /// What the model is made of.
    public let configuration: ModelConfiguration
    /// How many tokens the model knows, `V`.
    public let vocabularySize: Int

    private let graph: CellGraph
    private let gateCount: Int
    private let hiddenSize: Int
    private var weights: ReferenceWeights
    /// The carried states, each `[B, H]`; nil stands for zeros.
    private var carried: [[Double]]?
    private var carriedBatchSize = 0

    /// Creates an engine that starts from these parameters.
    public init(configuration: ModelConfiguration, parameters: Parameters) throws(EngineError) {
        do throws(ModelError) {
            vocabularySize = try parameters.checkedVocabularySize(for: configuration)
            graph = try CellGraph(of: configuration.cell)
        } catch {
            throw .model(error)
        }
        self.configuration = configuration
        gateCount = configuration.cell.gates.count
        hiddenSize = configuration.hiddenSize
        weights = ReferenceWeights(parameters)
    }

    /// A copy of the parameters, rounded to single precision.
    public var parameters: Parameters {
        let shapes = configuration.parameterShapes(vocabularySize: vocabularySize)
        return Parameters(
            zip(shapes, weights.all).map { .init(name: $0.name, shape: $0.shape, values: $1.map(Float.init)) }
        )
    }

    /// The carried state, rounded to single precision.
    public var state: NamedTensors<Float> {
        guard let carried else { return NamedTensors() }
        return NamedTensors(
            zip(configuration.cell.states, carried).map {
                .init(name: $0, shape: [carriedBatchSize, hiddenSize], values: $1.map(Float.init))
            })
    }

    /// Goes on from this state, or from zeros if it is empty.
    public func restoreState(_ state: NamedTensors<Float>) throws(EngineError) {
        carriedBatchSize = try state.checkedBatchSize(for: configuration)
        carried =
            carriedBatchSize == 0
            ? nil : configuration.cell.states.compactMap { state[$0]?.values.map(Double.init) }
    }

    /// One step of training.
    public func train(on minibatch: Minibatch, with optimizer: Optimizer) throws(EngineError) -> StepResult {
        let trace = try forward(minibatch)
        let gradients = backward(trace, minibatch)
        let norm = gradients.all.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
        let result = StepResult(meanLoss: trace.totalLoss / Double(minibatch.tokenCount), gradientNorm: norm)
        keepState(of: trace)
        if result.isFinite {
            switch optimizer.rule {
            case .sgd: weights.descend(gradients, rate: optimizer.effectiveRate(gradientNorm: norm))
            }
        }
        return result
    }

    /// The loss and its gradient with respect to every parameter.
    public func gradients(
        on minibatch: Minibatch
    ) throws(EngineError) -> (meanLoss: Double, gradients: NamedTensors<Double>) {
        let trace = try forward(minibatch)
        let shapes = configuration.parameterShapes(vocabularySize: vocabularySize)
        let gradients = NamedTensors<Double>(
            zip(shapes, backward(trace, minibatch).all).map {
                .init(name: $0.name, shape: $0.shape, values: $1)
            })
        return (trace.totalLoss / Double(minibatch.tokenCount), gradients)
    }

    /// The summed loss over the minibatch, in nats.
    public func evaluate(_ minibatch: Minibatch) throws(EngineError) -> Double {
        let trace = try forward(minibatch)
        keepState(of: trace)
        return trace.totalLoss
    }

    /// Reads one token and writes the logits of the next.
    public func advance(_ token: Int32, logits: inout [Float]) throws(EngineError) {
        var minibatch = Minibatch()
        minibatch.reshape(timeSteps: 1, batchSize: 1, continuesState: true)
        minibatch.inputs[0] = token
        let trace = try forward(minibatch)
        keepState(of: trace)
        logits = trace.logits[0].map(Float.init)
    }

    /// Everything that the forward pass leaves for the backward pass.
    private struct Trace {
        /// Step, row, unit: the values of all nodes of the cell's graph.
        var nodes: [[[[Double]]]] = []
        /// Per step, each state before it, `[B, H]`; at the end the final states.
        var states: [[[Double]]]
        /// Per token: logits, and probabilities less the target.
        var logits: [[Double]] = []
        var logitGradients: [[Double]] = []
        var totalLoss = 0.0
    }

    private func keepState(of trace: Trace) {
        carried = trace.states.last
        carriedBatchSize = carried.map { $0[0].count / hiddenSize } ?? 0
    }

    private func forward(_ minibatch: Minibatch) throws(EngineError) -> Trace {
        try minibatch.check(vocabularySize: vocabularySize)
        let (T, B, H, V) = (minibatch.timeSteps, minibatch.batchSize, hiddenSize, vocabularySize)
        let zeros = [[Double]](repeating: [Double](repeating: 0, count: B * H), count: graph.stateCount)
        if minibatch.continuesState, carried != nil, carriedBatchSize != B {
            throw .stateMismatch(expected: [B, H], actual: [carriedBatchSize, H])
        }
        var trace = Trace(states: [minibatch.continuesState ? carried ?? zeros : zeros])
        for t in 0..<T {
            let previous = trace.states[t]
            var next = zeros
            trace.nodes.append([])
            for b in 0..<B {
                let token = Int(minibatch.inputs[t * B + b])
                var row: [[Double]] = []
                for j in 0..<H {
                    func input(_ gate: Int) -> Double {
                        weights.inputBias[gate * H + j] + weights.input[(gate * H + j) * V + token]
                    }
                    let gates = (0..<gateCount).map { gate in
                        let unit = gate * H + j
                        var sum = weights.hiddenBias[unit]
                        if !graph.splitGates.contains(gate) { sum += input(gate) }
                        for k in 0..<H { sum += weights.hidden[unit * H + k] * previous[0][b * H + k] }
                        return sum
                    }
                    let values = graph.forwardValues(
                        gates: gates, gateInputs: graph.splitGates.map(input),
                        states: previous.map { $0[b * H + j] })
                    for (state, node) in graph.newStates.enumerated() {
                        next[state][b * H + j] = values[node]
                    }
                    row.append(values)
                }
                trace.nodes[t].append(row)
            }
            trace.states.append(next)
            for b in 0..<B {
                let logits = (0..<V).map { v in
                    (0..<H).reduce(weights.decoderBias[v]) { sum, j in
                        sum + weights.decoder[v * H + j] * next[0][b * H + j]
                    }
                }
                let target = Int(minibatch.targets[t * B + b])
                let loss = CrossEntropy(logits: logits, target: target)
                trace.logits.append(logits)
                trace.logitGradients.append(loss.gradient)
                trace.totalLoss += loss.value
            }
        }
        return trace
    }

    private func backward(_ trace: Trace, _ minibatch: Minibatch) -> ReferenceWeights {
        let (T, B, H, V) = (minibatch.timeSteps, minibatch.batchSize, hiddenSize, vocabularySize)
        let scale = 1 / Double(T * B)
        var gradients = weights.zeros
        // The gradient of each state after step t, as later steps left it.
        var stateGradients = [[Double]](
            repeating: [Double](repeating: 0, count: B * H), count: graph.stateCount)
        for t in stride(from: T - 1, through: 0, by: -1) {
            let previous = trace.states[t]
            let output = trace.states[t + 1][0]
            var earlier = stateGradients.map { $0.map { _ in 0.0 } }
            for b in 0..<B {
                for v in 0..<V {
                    let gradient = trace.logitGradients[t * B + b][v] * scale
                    gradients.decoderBias[v] += gradient
                    for j in 0..<H {
                        gradients.decoder[v * H + j] += gradient * output[b * H + j]
                        stateGradients[0][b * H + j] += gradient * weights.decoder[v * H + j]
                    }
                }
                let token = Int(minibatch.inputs[t * B + b])
                for j in 0..<H {
                    let (gates, gateInputs, states) = graph.gradients(
                        forwardValues: trace.nodes[t][b][j],
                        stateGradients: stateGradients.map { $0[b * H + j] })
                    for state in states.indices { earlier[state][b * H + j] += states[state] }
                    for (gate, gradient) in gates.enumerated() {
                        let unit = gate * H + j
                        let inputGradient =
                            graph.splitGates.firstIndex(of: gate).map { gateInputs[$0] } ?? gradient
                        gradients.inputBias[unit] += inputGradient
                        gradients.input[unit * V + token] += inputGradient
                        gradients.hiddenBias[unit] += gradient
                        for k in 0..<H {
                            gradients.hidden[unit * H + k] += gradient * previous[0][b * H + k]
                            earlier[0][b * H + k] += gradient * weights.hidden[unit * H + k]
                        }
                    }
                }
            }
            stateGradients = earlier
        }
        return gradients
    }
}
