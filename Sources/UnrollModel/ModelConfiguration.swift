import Foundation
import UnrollBase

/// What a language model is made of, apart from its vocabulary and the values of its parameters.
///
/// Tokens go into a stack of recurrent layers, each reading the output of the one below, and a linear decoder turns the
/// output of the last into a logit for every token. The first layer sees a token as a one-hot vector or, with an
/// embedding, as a vector that is learned.
public struct ModelConfiguration: Sendable {
    /// The formula of one recurrent step.
    ///
    /// Default: `TanhCell`.
    ///
    /// In JSON the cell's name and, of a program's own cell, the digest of its formula; such a cell is found by name only
    /// where it is passed.
    public var cell: any RecurrentCell.Type
    /// Hidden units of every layer, `H`, in 1...65536.
    ///
    /// Default: 512.
    public var hiddenSize: Int
    /// Recurrent layers, `L`, in 1...64.
    ///
    /// Default: 1.
    public var layerCount: Int
    /// The size of the learned vector of each token, `E`, in 1...65536; nil for one-hot vectors.
    ///
    /// Default: nil.
    public var embeddingSize: Int?
    /// Whether the decoder shares the embedding's weights; `embeddingSize` must then be `hiddenSize`.
    ///
    /// Default: false.
    ///
    /// Press, Wolf, "Using the output embedding to improve language models", EACL 2017.
    public var tiesWeights: Bool
    /// Whether `bias_hh` is and stays zero, so that a layer learns one bias, as the book's, instead of PyTorch's two.
    ///
    /// Default: false.
    ///
    /// With two that are added, gradient descent learns their sum at twice the rate.
    public var hasSingleBias: Bool
    /// The probabilities with which states keep their values during training.
    ///
    /// Default: none.
    public var zoneout: Zoneout
    /// The n-gram model that predicts beside the network; nil for the network alone.
    ///
    /// Default: nil.
    public var ngrams: NGramConfiguration?

    /// A model; the defaults are those of "RNN from scratch".
    public init(
        cell: any RecurrentCell.Type = TanhCell.self, hiddenSize: Int = 512, layerCount: Int = 1,
        embeddingSize: Int? = nil, tiesWeights: Bool = false, hasSingleBias: Bool = false,
        zoneout: Zoneout = Zoneout(), ngrams: NGramConfiguration? = nil
    ) {
        self.cell = cell
        self.hiddenSize = hiddenSize
        self.layerCount = layerCount
        self.embeddingSize = embeddingSize
        self.tiesWeights = tiesWeights
        self.hasSingleBias = hasSingleBias
        self.zoneout = zoneout
        self.ngrams = ngrams
    }

    /// The states of the cell that zoneout acts on.
    package var zonedStates: [Int] {
        cell.states.indices.filter { zoneout.probability(ofState: $0) > 0 }
    }

    /// The cell's formula with its masks, and its gradient.
    package func cellGraph() throws(ModelError) -> CellGraph {
        try CellGraph(of: cell, maskedStates: zonedStates)
    }

    /// The cells that are known by name.
    public static let builtInCells: [any RecurrentCell.Type] = [
        TanhCell.self, ReLUCell.self, LSTMCell.self, GRUCell.self,
    ]

    /// Whether the cell's name stands for its formula.
    var isCellBuiltIn: Bool { Self.builtInCells.contains { $0 == cell } }

    /// Checks that each of a program's own cells has a name to itself, by which models find it.
    ///
    /// - Throws: `ModelError.cellNameTaken`.
    static func checkNames(of cells: [any RecurrentCell.Type]) throws(ModelError) {
        var known = builtInCells
        for cell in cells where !builtInCells.contains(where: { $0 == cell }) {
            guard !known.contains(where: { $0.name == cell.name }) else {
                throw .cellNameTaken(cell.name, isBuiltIn: builtInCells.contains { $0.name == cell.name })
            }
            known.append(cell)
        }
    }

    /// How many hidden units a layer may have; one more and the recurrent weights alone would be past 17 gigabytes.
    public static let hiddenSizes = 1...65_536
    /// How many layers a model may have.
    public static let layerCounts = 1...64
    /// How large the vector that stands for a token may be.
    public static let embeddingSizes = hiddenSizes

    /// Checks that the cell is well-formed and that sizes and probabilities are within their ranges.
    ///
    /// - Throws: `ModelError.invalidCell`, `.cellNameTaken` or `.inputOfAnotherSize`, or `ParameterError` with the property's
    ///   name.
    package func check() throws {
        try Self.checkNames(of: [cell])
        try ngrams?.check()
        let readsInput = try cellGraph().readsLayerInput
        for (name, probability) in [("zoneout.output", zoneout.output), ("zoneout.memory", zoneout.memory)] {
            try ParameterError.require((0..<1).contains(probability), name, is: probability, but: "in 0..<1")
        }
        try Self.require(Self.hiddenSizes, contains: hiddenSize, "hiddenSize")
        try Self.require(Self.layerCounts, contains: layerCount, "layerCount")
        if let embeddingSize {
            try Self.require(Self.embeddingSizes, contains: embeddingSize, "embeddingSize")
        }
        guard !readsInput || embeddingSize == hiddenSize else {
            throw ModelError.inputOfAnotherSize(
                cell: cell.name, hiddenSize: hiddenSize, embeddingSize: embeddingSize)
        }
        guard !tiesWeights || embeddingSize == hiddenSize else {
            throw ParameterError.needs(
                parameter: "tiesWeights", other: "embeddingSize", values: ["\(hiddenSize)"])
        }
    }

    private static func require(
        _ range: ClosedRange<Int>, contains value: Int, _ name: String
    ) throws(ParameterError) {
        try ParameterError.require(range.contains(value), name, is: value, but: "in \(range)")
    }

    /// Names and shapes of all parameters for a vocabulary of `vocabularySize` tokens, as PyTorch has them.
    ///
    /// A layer's learned vectors, such as `rnn.leak_l0`, stand after its biases in the order of their declaration.
    /// Tied weights occur once, as `embedding.weight`.
    public func parameterShapes(vocabularySize: Int) -> [(name: String, shape: [Int])] {
        // A product that overflows belongs to a size that `check()` refuses.
        let gateRows = cell.gates.count.multipliedReportingOverflow(by: hiddenSize).partialValue
        var shapes: [(name: String, shape: [Int])] = []
        if let embeddingSize { shapes.append(("embedding.weight", [vocabularySize, embeddingSize])) }
        for layer in 0..<max(layerCount, 0) {
            let inputSize = layer == 0 ? embeddingSize ?? vocabularySize : hiddenSize
            shapes += [
                ("rnn.weight_ih_l\(layer)", [gateRows, inputSize]),
                ("rnn.weight_hh_l\(layer)", [gateRows, hiddenSize]),
                ("rnn.bias_ih_l\(layer)", [gateRows]),
                ("rnn.bias_hh_l\(layer)", [gateRows]),
            ]
            shapes += vectors(ofLayer: layer).map { ($0.name, [hiddenSize]) }
        }
        if !tiesWeights { shapes.append(("decoder.weight", [vocabularySize, hiddenSize])) }
        shapes.append(("decoder.bias", [vocabularySize]))
        return shapes
    }
}

/// How often a unit's state stays as it is, at random, while a model is trained.
///
/// When the model is used, each state changes by the expected share instead, so zoneout is a part of the model. Krueger
/// et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", ICLR 2017, who take 0.05 for the
/// output and 0.5 for the memory of a character-level LSTM.
public struct Zoneout: Sendable, Equatable, Codable {
    /// The probability that a unit keeps its output, the first state, in 0..<1.
    ///
    /// Default: 0.
    public var output: Float
    /// The probability that a unit keeps its other states, such as an LSTM's memory, in 0..<1.
    ///
    /// Default: 0.
    public var memory: Float

    /// Zoneout with these probabilities.
    public init(output: Float = 0, memory: Float = 0) {
        self.output = output
        self.memory = memory
    }

    /// The probability that a state of the cell stays.
    package func probability(ofState state: Int) -> Float {
        state == 0 ? output : memory
    }
}

extension ModelConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case cell, cellDigest, hiddenSize, layerCount, embeddingSize, tiesWeights, hasSingleBias, zoneout,
            ngrams
    }

    /// The key of a decoder's `userInfo` for the program's own cells, an array of `any RecurrentCell.Type`.
    package static let cellsKey = CodingUserInfoKey(rawValue: "unroll.cells")

    /// Reads what `encode(to:)` writes; the cell is looked up among the built-in ones.
    ///
    /// - Throws: `DecodingError`; `ModelError.unknownCell` when no cell has the name, `.otherFormula` when the cell of
    ///   that name computes something else.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let name = try values.decode(String.self, forKey: .cell)
        let own = Self.cellsKey.flatMap { decoder.userInfo[$0] } as? [any RecurrentCell.Type] ?? []
        let known = own + Self.builtInCells
        guard let cell = known.first(where: { $0.name == name }) else {
            throw ModelError.unknownCell(name, known: known.map { $0.name })
        }
        let digest = try values.decodeIfPresent(String.self, forKey: .cellDigest)
        if let digest {
            let own = try cell.digest
            guard digest == own else { throw ModelError.otherFormula(cell: name, saved: digest, own: own) }
        }
        self.init(
            cell: cell, hiddenSize: try values.decode(Int.self, forKey: .hiddenSize),
            layerCount: try values.decode(Int.self, forKey: .layerCount),
            embeddingSize: try values.decodeIfPresent(Int.self, forKey: .embeddingSize),
            tiesWeights: try values.decode(Bool.self, forKey: .tiesWeights),
            hasSingleBias: try values.decode(Bool.self, forKey: .hasSingleBias),
            zoneout: try values.decode(Zoneout.self, forKey: .zoneout),
            ngrams: try values.decodeIfPresent(NGramConfiguration.self, forKey: .ngrams))
    }

    /// Writes every property under its name, the cell by its own; beside that of a program's own cell the digest of its
    /// formula.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(cell.name, forKey: .cell)
        // A built-in cell's name stands for its formula.
        if !isCellBuiltIn { try values.encode(cell.digest, forKey: .cellDigest) }
        try values.encode(hiddenSize, forKey: .hiddenSize)
        try values.encode(layerCount, forKey: .layerCount)
        // Null rather than no key, so that the file says that tokens are one-hot.
        try values.encode(embeddingSize, forKey: .embeddingSize)
        try values.encode(tiesWeights, forKey: .tiesWeights)
        try values.encode(hasSingleBias, forKey: .hasSingleBias)
        try values.encode(zoneout, forKey: .zoneout)
        try values.encodeIfPresent(ngrams, forKey: .ngrams)
    }

    /// Reads a model's JSON form, in which everything that is left out has its default.
    ///
    /// - Throws: `JSONFormError` for unknown keys and wrong values, `ModelError` for an unknown cell.
    package init(json: JSONValue, at path: String = "model") throws {
        self = try json.decoded(over: try JSONValue(encoding: ModelConfiguration()), at: path)
    }
}
