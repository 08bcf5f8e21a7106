import UnrollModel
import UnrollText

/// A network as a graph of ONNX operators, which reads a token of each text, or whole texts.
///
/// Layers read and write time-major, as everywhere in this package; only tokens and logits of whole texts have the batch
/// first. A layer of a known cell is an operator of ONNX, except the first where tokens are one-hot vectors: operators
/// multiply such vectors with their weights, where a formula takes a column of them. In ONNX Runtime 1.32 on a CPU, an LSTM
/// of 512 units and 100 tokens takes as long either way; with 8,192 tokens the formula is four times as fast, and with 128
/// units and 100 tokens half as fast, at 6 microseconds a step.
struct ONNXNetwork {
    /// What a run of the graph reads.
    enum Pass: String {
        /// One token of each text: `tokens` `[B]`, `logits` `[B, V]`.
        case step
        /// The same number of tokens of each text: `tokens` `[B, T]`, `logits` `[B, T, V]`.
        case sequence
    }

    /// Names of sizes that callers choose.
    private static let (batch, time) = (ONNXValue.Dimension.named("batch"), ONNXValue.Dimension.named("time"))

    private let configuration: ModelConfiguration
    private let parameters: ModelParameters
    private let vocabularySize: Int
    private let pass: Pass
    private let cell: CellGraph
    private let knownCell: KnownCell?
    private var graph = ONNXGraphBuilder()

    /// The graph of a model's network.
    ///
    /// Beside tokens, `h_0` goes in and `h_n` comes out, `[L, B, H]`, and the same of every other state of the cell.
    ///
    /// - Throws: `ModelError` if the model's cell is not well-formed.
    static func graph(of model: LanguageModel, for pass: Pass) throws(ModelError) -> ONNXGraph {
        var network = try ONNXNetwork(model, pass)
        return network.addAll()
    }

    private init(_ model: LanguageModel, _ pass: Pass) throws(ModelError) {
        configuration = model.configuration
        parameters = model.parameters
        vocabularySize = model.vocabulary.count
        self.pass = pass
        cell = try configuration.cellGraph()
        knownCell = KnownCell(configuration)
    }

    // MARK: Parts

    /// What a layer reads.
    private enum LayerInput {
        /// Token ids, each of which stands for a one-hot vector: `[B]`, or `[T, B]`.
        case tokens(String)
        /// Vectors, `[B, I]` or `[T, B, I]`.
        case vectors(String)
    }

    private mutating func addAll() -> ONNXGraph {
        let (hiddenSize, layerCount) = (configuration.hiddenSize, configuration.layerCount)
        let stateNames = configuration.stateNames
        let stateShape: [ONNXValue.Dimension] = [.size(layerCount), Self.batch, .size(hiddenSize)]
        let textShape = pass == .step ? [Self.batch] : [Self.batch, Self.time]
        let tokens = graph.name("tokens")
        let (before, after) = (
            stateNames.map { graph.name("\($0)_0") }, stateNames.map { graph.name("\($0)_n") }
        )
        let logits = graph.name("logits")

        // Of each state one tensor for each layer, [1, B, H].
        let states = before.map { state in
            let parts = (0..<layerCount).map { graph.name("\(state)_l\($0)") }
            graph.add("Split", [state], outputs: parts, [("axis", .integer(0))])
            return parts
        }
        var input = embed(tokens)
        var output = ""
        var newStates: [[String]] = []
        for layer in 0..<layerCount {
            let previous = states.map { $0[layer] }
            let result: (output: String, states: [String])
            if let knownCell, case .vectors(let vectors) = input {
                result = addOperator(of: knownCell, layer: layer, reading: vectors, after: previous)
            } else {
                result = addFormula(layer: layer, reading: input, after: previous)
            }
            output = result.output
            input = .vectors(output)
            newStates.append(result.states)
        }
        for (state, name) in after.enumerated() {
            graph.add("Concat", newStates.map { $0[state] }, outputs: [name], [("axis", .integer(0))])
        }
        decode(output, as: logits)
        return ONNXGraph(
            name: pass.rawValue, nodes: graph.nodes, tensors: graph.tensors,
            inputs: [ONNXValue(name: tokens, elementType: .int64, shape: textShape)]
                + before.map { ONNXValue(name: $0, elementType: .float, shape: stateShape) },
            outputs: [
                ONNXValue(
                    name: logits, elementType: .float, shape: textShape + [.size(vocabularySize)])
            ] + after.map { ONNXValue(name: $0, elementType: .float, shape: stateShape) })
    }

    /// Adds what the first layer reads: rows of the embedding, or the tokens themselves.
    private mutating func embed(_ tokens: String) -> LayerInput {
        let tokens =
            pass == .step
            ? tokens : graph.add("Transpose", tokens, as: "time_major", [("perm", .integers([1, 0]))])
        guard configuration.embeddingSize != nil else { return .tokens(tokens) }
        return .vectors(graph.add("Gather", parameter("embedding.weight"), tokens, as: "embedded"))
    }

    /// Adds the logits of the last layer's output; tied weights are those of the embedding.
    private mutating func decode(_ output: String, as logits: String) {
        let output =
            pass == .step
            ? output : graph.add("Transpose", output, as: "batch_major", [("perm", .integers([1, 0, 2]))])
        let weight = transposed(configuration.tiesWeights ? "embedding.weight" : "decoder.weight")
        let product = graph.add("MatMul", output, weight)
        graph.add("Add", [product, parameter("decoder.bias")], outputs: [logits])
    }

    // MARK: Layers

    /// Adds a layer as an operator.
    private mutating func addOperator(
        of known: KnownCell, layer: Int, reading input: String, after states: [String]
    ) -> (output: String, states: [String]) {
        let sequence = pass == .step ? graph.add("Unsqueeze", input, graph.axes(0)) : input
        let weights = addWeights(of: known, layer: layer)
        let newStates = configuration.stateNames.map { graph.name("new_\($0)_l\(layer)") }
        let outputs = pass == .step ? "" : graph.name("output")
        graph.add(
            known.operation, [sequence] + weights + [""] + states, outputs: [outputs] + newStates,
            [("hidden_size", .integer(configuration.hiddenSize))] + known.attributes)
        // The operator has a dimension for directions, of which there is one.
        let output =
            pass == .step
            ? graph.add("Squeeze", newStates[0], graph.axes(0)) : graph.add("Squeeze", outputs, graph.axes(1))
        return (output, newStates)
    }

    /// Adds a layer's weights in the order in which the operator has its gates.
    private mutating func addWeights(of known: KnownCell, layer: Int) -> [String] {
        let values = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map { name in
            known.reordered(parameters["rnn.\(name)_l\(layer)"]?.values ?? [])
        }
        let gateRows = cell.gateCount * configuration.hiddenSize
        return [
            graph.tensor("rnn.W_l\(layer)", shape: [1, gateRows, values[0].count / gateRows], values[0]),
            graph.tensor("rnn.R_l\(layer)", shape: [1, gateRows, configuration.hiddenSize], values[1]),
            graph.tensor("rnn.B_l\(layer)", shape: [1, 2 * gateRows], values[2] + values[3]),
        ]
    }

    /// Adds a layer as a formula: for a step its operators, for a sequence a scan of them.
    private mutating func addFormula(
        layer: Int, reading input: LayerInput, after states: [String]
    ) -> (output: String, states: [String]) {
        let weights = transposed("rnn.weight_ih_l\(layer)")
        let product =
            switch input {
            case .tokens(let tokens): graph.add("Gather", weights, tokens)
            case .vectors(let vectors): graph.add("MatMul", vectors, weights)
            }
        let gates = graph.add("Add", product, parameter("rnn.bias_ih_l\(layer)"), as: "input_gates")
        let layerInput: String? =
            if cell.readsLayerInput, case .vectors(let vectors) = input { vectors } else { nil }
        let inputs = ONNXFormulaInputs(
            gates: gates, recurrentWeights: transposed("rnn.weight_hh_l\(layer)"),
            recurrentBias: parameter("rnn.bias_hh_l\(layer)"), layerInput: layerInput,
            states: states.map { graph.add("Squeeze", $0, graph.axes(0)) },
            vectors: configuration.vectors(ofLayer: layer).map { parameter($0.name) })
        let result = pass == .step ? addStep(from: inputs) : addScan(from: inputs)
        return (result.output, result.states.map { graph.add("Unsqueeze", $0, graph.axes(0)) })
    }

    private mutating func addStep(from inputs: ONNXFormulaInputs) -> (output: String, states: [String]) {
        let states = graph.addStep(of: cell, shares: configuration.expectedShares, from: inputs)
        return (states[0], states)
    }

    /// Adds an operator that goes through the steps of what the formula reads, with the states from one to the next.
    private mutating func addScan(from outer: ONNXFormulaInputs) -> (output: String, states: [String]) {
        let read = [outer.gates, outer.layerInput].compactMap(\.self)
        let sizes = [cell.gateCount * configuration.hiddenSize, configuration.hiddenSize]
        let previous = configuration.stateNames.map { graph.name("previous_\($0)") }
        let slices = read.map { graph.name("\($0)_t") }
        let inner = ONNXFormulaInputs(
            gates: slices[0], recurrentWeights: outer.recurrentWeights, recurrentBias: outer.recurrentBias,
            layerInput: slices.dropFirst().first, states: previous, vectors: outer.vectors)

        let new = configuration.stateNames.map { graph.name("new_\($0)") }
        let step = graph.name("output_t")
        let (cell, shares) = (cell, configuration.expectedShares)
        let nodes = graph.nodes { graph in
            let states = graph.addStep(of: cell, shares: shares, from: inner)
            // A new state may be an old one, or two of them the same.
            for (value, name) in zip(states + [states[0]], new + [step]) {
                graph.add("Identity", [value], outputs: [name])
            }
        }
        func value(_ name: String, size: Int) -> ONNXValue {
            ONNXValue(name: name, elementType: .float, shape: [Self.batch, .size(size)])
        }
        let body = ONNXGraph(
            name: "step", nodes: nodes,
            inputs: previous.map { value($0, size: configuration.hiddenSize) }
                + zip(slices, sizes).map { value($0, size: $1) },
            outputs: (new + [step]).map { value($0, size: configuration.hiddenSize) })
        let (last, output) = (new.map { graph.name("last_\($0)") }, graph.name("output"))
        graph.add(
            "Scan", outer.states + read, outputs: last + [output],
            [("body", .graph(body)), ("num_scan_inputs", .integer(read.count))])
        return (output, last)
    }

    // MARK: Parameters

    /// Adds a parameter under its own name.
    private mutating func parameter(_ name: String) -> String {
        guard let entry = parameters[name] else { return name }
        return graph.tensor(name, shape: entry.shape, entry.values)
    }

    /// Adds a parameter, and its transpose, which runtimes compute once.
    private mutating func transposed(_ name: String) -> String {
        graph.add("Transpose", parameter(name), as: "\(name)_transposed", [("perm", .integers([1, 0]))])
    }
}

extension KnownCell {
    fileprivate var operation: String {
        switch self {
        case .tanh, .relu: "RNN"
        case .lstm: "LSTM"
        case .gru: "GRU"
        }
    }

    fileprivate var attributes: [(name: String, value: ONNXAttribute)] {
        switch self {
        case .tanh, .lstm: []
        case .relu: [("activations", .texts(["Relu"]))]
        // PyTorch's form, which resets the product of the state, not the state.
        case .gru: [("linear_before_reset", .integer(1))]
        }
    }

    /// The rows of PyTorch's gates in ONNX's order: i, o, f, g of an LSTM's i, f, g, o, and z, r, n of a GRU's r, z, n.
    fileprivate func reordered(_ values: [Float]) -> [Float] {
        let order =
            switch self {
            case .tanh, .relu: [0]
            case .lstm: [0, 3, 1, 2]
            case .gru: [1, 0, 2]
            }
        let size = values.count / order.count
        return order.flatMap { values[$0 * size..<($0 + 1) * size] }
    }
}
