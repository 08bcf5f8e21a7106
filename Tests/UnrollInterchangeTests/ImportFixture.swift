import Foundation
import Testing
import UnrollEngine
import UnrollInterchange
import UnrollModel
import UnrollTestSupport

/// A network that another framework has saved, and what it computed; see `Tools/oracles/import_fixtures.py`.
struct ImportFixture: Decodable {
    let framework: String
    let cell: String
    let hiddenSize: Int
    let layerCount: Int
    let embeddingSize: Int?
    let tiesWeights: Bool
    /// The framework's ids of the tokens that it read.
    let ids: [Int32]
    /// Token, logit.
    let logits: [[Float]]

    /// The tokens in the order of the framework's ids.
    static let tokens = Set("hello world\n").sorted().map(String.init)

    static let torchFiles = [
        "torch-lstm-checkpoint.pt", "torch-gru-one-hot.pt", "torch-gru-no-bias.pt", "torch-lstm-tied.pt",
        "torch-relu-views.pt", "torch-tanh-float64.pt", "torch-tanh-float16.pt", "torch-tanh-bfloat16.pt",
        "torch-gru-cells.pt",
    ]
    static let files =
        torchFiles
        + [
            "torch-lstm-tied-once", "torch-tanh-float64-2", "torch-tanh-float16-2", "torch-tanh-bfloat16-2",
            "keras-lstm", "keras-gru", "keras-tanh-one-hot", "keras-lstm-no-bias", "linen-lstm",
            "linen-optimized-lstm", "linen-gru", "linen-tanh", "linen-gru-tied", "nnx-lstm",
            "nnx-optimized-lstm", "nnx-gru", "nnx-tanh", "mlx-lstm", "mlx-gru", "mlx-tanh", "mlx-gru-no-bias",
        ].map { $0 + ".safetensors" }

    /// The place of a file.
    static func url(_ name: String) throws -> URL {
        try #require(Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Fixtures"))
    }

    /// What belongs to a file of that name.
    init(of name: String) throws {
        let json = name.prefix { $0 != "." } + ".json"
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: Self.url(String(json))))
    }

    /// The cell to name, where the tensors do not say it.
    var namedCell: (any RecurrentCell.Type)? {
        cell == TanhCell.name ? TanhCell.self : cell == ReLUCell.name ? ReLUCell.self : nil
    }

    /// Expects the framework's logits; `<unk>`, which it does not have, is token 0 and the least likely by far.
    func expectLogits(_ engine: some Engine) throws {
        var logits: [Float] = []
        for (id, expected) in zip(ids, self.logits) {
            try engine.advance(id + 1, logits: &logits)
            #expect(logits.count == expected.count + 1)
            #expect(zip(logits.dropFirst(), expected).allSatisfy { abs($0 - $1) < 1e-5 })
            #expect(logits[0] < (expected.min() ?? 0) - 90)
        }
    }
}

extension TemporaryFolder {
    /// Writes tensors of ascending small numbers as safetensors, and imports them.
    func imported(
        _ shapes: KeyValuePairs<String, [Int]>, vocabulary: ImportedVocabulary = .tokens(["a", "b", "c"]),
        cell: (any RecurrentCell.Type)? = nil, names: [ImportedPart: String] = [:]
    ) throws -> ImportedModel {
        let entries = shapes.enumerated().map { index, tensor in
            let count = tensor.value.reduce(1, *)
            return ModelParameters.Entry(
                name: tensor.key, shape: tensor.value,
                values: (0..<count).map { Float(index + 1) / 16 + Float($0) / 64 })
        }
        let file = self("network.safetensors")
        try Safetensors.encode(ModelParameters(entries)).write(to: file)
        return try ImportedModel(contentsOf: file, vocabulary: vocabulary, cell: cell, names: names)
    }
}
