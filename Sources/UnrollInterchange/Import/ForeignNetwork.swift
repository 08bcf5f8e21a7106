import UnrollModel

/// A language model of another framework in PyTorch's layout, with its own numbering of tokens.
struct ForeignNetwork {
    let framework: ForeignFramework
    let layers: [ForeignLayer]
    let parts: PartSearch.Parts
    /// What became of each tensor of the file.
    let mapping: [ImportedTensor]

    var vocabularySize: Int { parts.decoder.tokenCount }

    private static let layouts: [any ForeignLayout.Type] = [
        TorchLayout.self, KerasLayout.self, FlaxLayout.self, MLXLayout.self,
    ]

    /// Finds the network among tensors; `names` are those of parts that cannot be told apart.
    ///
    /// - Throws: `ImportError` for anything that no model is made of.
    init(_ tensors: ForeignTensors, names: [ImportedPart: String]) throws(ImportError) {
        var pool = try TensorPool(tensors.entries)
        let layouts = Self.layouts.filter { pool.names.contains(where: $0.isRecurrent) }
        guard let layout = layouts.first else {
            throw .noRecurrentLayers(names: pool.names)
        }
        guard layouts.count == 1 else { throw .severalFrameworks(layouts.map { $0.framework }) }
        framework = layout.framework
        let found = try layout.takeLayers(from: &pool)
        let layers = try ForeignLayer.stack(found, named: names[.rnn])
        guard let first = layers.first, let last = layers.last else {
            throw .noRecurrentLayers(names: pool.names)
        }
        let search = try PartSearch(
            pool, inputSize: first.inputSize, hiddenSize: last.hiddenSize, names: names)
        let (parts, unused) = try search.run()
        (self.layers, self.parts) = (layers, parts)
        let otherLayers = found.filter { layer in
            !layers.contains { $0.prefix == layer.prefix && $0.index == layer.index }
        }
        mapping =
            Self.mapping(of: layers, parts)
            + (unused + otherLayers.flatMap { $0.sources.map(\.name) }).map {
                ImportedTensor(source: $0, shape: nil, parameter: nil, note: "not part of the model")
            }
            + tensors.integers.map {
                ImportedTensor(source: $0, shape: nil, parameter: nil, note: "whole numbers")
            }
    }

    private static func mapping(of layers: [ForeignLayer], _ parts: PartSearch.Parts) -> [ImportedTensor] {
        var mapping: [ImportedTensor] = []
        if let embedding = parts.embedding {
            mapping.append(
                ImportedTensor(
                    source: embedding.name, shape: embedding.shape, parameter: "embedding.weight",
                    note: parts.isTied ? "also the decoder's weights" : nil))
        }
        for (index, layer) in layers.enumerated() {
            mapping += layer.sources.map { source in
                let parameters = source.parameter.split(separator: " ").map {
                    $0 == "and" ? "and" : "rnn.\($0)_l\(index)"
                }
                return ImportedTensor(
                    source: source.name, shape: source.shape, parameter: parameters.joined(separator: " "),
                    note: source.note)
            }
        }
        if parts.embedding?.name != parts.decoder.name {
            mapping.append(
                ImportedTensor(
                    source: parts.decoder.name, shape: parts.decoder.shape, parameter: "decoder.weight",
                    note: parts.isTied
                        ? "equal to the embedding" : parts.decoder.isTransposed ? "transposed" : nil))
        }
        if let bias = parts.bias {
            mapping.append(
                ImportedTensor(source: bias.name, shape: bias.shape, parameter: "decoder.bias", note: nil))
        }
        return mapping
    }
}

// MARK: - The model

extension ForeignNetwork {
    /// The cell of the layers; one that is named decides where only the script knows it.
    func cell(named cell: (any RecurrentCell.Type)?) throws(ImportError) -> any RecurrentCell.Type {
        let gates = layers[0].gateCount
        if let cell {
            guard cell.gates.count == gates else { throw .otherCell(cell.name, gates: gates) }
            return cell
        }
        switch gates {
        case 4: return LSTMCell.self
        case 3: return GRUCell.self
        default: throw .ambiguousCell(known: [TanhCell.name, ReLUCell.name])
        }
    }

    /// What the model is made of.
    func configuration(cell: any RecurrentCell.Type) -> ModelConfiguration {
        ModelConfiguration(
            cell: cell, hiddenSize: layers[0].hiddenSize, layerCount: layers.count,
            embeddingSize: parts.embedding?.size, tiesWeights: parts.isTied,
            hasSingleBias: layers.allSatisfy { $0.inputBias == nil || $0.hiddenBias == nil }
                && layers[0].gateCount != 3)
    }

    /// The bias of a token that the network does not have, below the least of the others.
    private static let unknownTokenBias: Float = -100

    /// The parameters of the model, of which `rows` are the network's ids of the tokens.
    ///
    /// A token whose id is nil is one that the network does not have: the model never predicts it, and reads it as a vector
    /// of zeros.
    func parameters(_ configuration: ModelConfiguration, rows: [Int?]) -> ModelParameters {
        var entries: [ModelParameters.Entry] = []
        func add(_ name: String, _ matrix: Matrix) {
            entries.append(.init(name: name, shape: [matrix.rows, matrix.columns], values: matrix.values))
        }
        if let embedding = parts.embedding { add("embedding.weight", embedding.weights.picking(rows: rows)) }
        for (index, layer) in layers.enumerated() {
            // One-hot tokens are columns.
            let isOneHot = index == 0 && parts.embedding == nil
            let input = layer.inputWeights
            add("rnn.weight_ih_l\(index)", isOneHot ? input.transposed.picking(rows: rows).transposed : input)
            add("rnn.weight_hh_l\(index)", layer.hiddenWeights)
            let zeros = [Float](repeating: 0, count: layer.hiddenWeights.rows)
            var biases = [layer.inputBias, layer.hiddenBias]
            // A cell that adds both products cannot tell which of them has the only bias.
            if configuration.hasSingleBias, biases[0] == nil { biases.swapAt(0, 1) }
            for (name, bias) in zip(["bias_ih", "bias_hh"], biases) {
                entries.append(
                    .init(name: "rnn.\(name)_l\(index)", shape: [zeros.count], values: bias ?? zeros))
            }
        }
        if !parts.isTied { add("decoder.weight", parts.decoder.weights.picking(rows: rows)) }
        let bias = parts.bias?.values ?? [Float](repeating: 0, count: vocabularySize)
        let lowest = (bias.min() ?? 0) + Self.unknownTokenBias
        entries.append(
            .init(
                name: "decoder.bias", shape: [rows.count], values: rows.map { $0.map { bias[$0] } ?? lowest })
        )
        return ModelParameters(entries)
    }
}
