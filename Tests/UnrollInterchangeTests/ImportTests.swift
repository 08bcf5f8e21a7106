import Foundation
import Testing
import UnrollEngine
import UnrollInterchange
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Networks of other frameworks give the logits that the frameworks computed.
@Suite struct ImportTests {
    private func imported(_ name: String) throws -> (ImportedModel, ImportFixture) {
        let fixture = try ImportFixture(of: name)
        let imported = try ImportedModel(
            contentsOf: ImportFixture.url(name), vocabulary: .tokens(ImportFixture.tokens),
            cell: fixture.namedCell)
        return (imported, fixture)
    }

    @Test(arguments: ImportFixture.files) func findsTheFrameworksLogits(name: String) throws {
        let (imported, fixture) = try imported(name)
        let model = imported.model
        let configuration = model.configuration
        #expect(imported.framework.rawValue == fixture.framework)
        #expect(configuration.cell.name == fixture.cell)
        #expect(configuration.hiddenSize == fixture.hiddenSize)
        #expect(configuration.layerCount == fixture.layerCount)
        #expect(configuration.embeddingSize == fixture.embeddingSize)
        #expect(configuration.tiesWeights == fixture.tiesWeights)
        #expect(!imported.hasUnknownToken)
        try fixture.expectLogits(
            ReferenceEngine(configuration: configuration, parameters: model.parameters))
        try fixture.expectLogits(CPUEngine(configuration: configuration, parameters: model.parameters))
    }

    @Test func savesWhatItImports() throws {
        let (imported, _) = try imported("torch-lstm-checkpoint.pt")
        let folder = try TemporaryFolder()
        try imported.model.save(to: folder("model"))
        let read = try LanguageModel(contentsOf: folder("model"))
        #expect(try read.fingerprint == imported.model.fingerprint)
        #expect(read.vocabulary.encode("hello world\n").ids == [5, 4, 6, 6, 7, 2, 9, 7, 8, 6, 3, 1])
    }

    @Test func takesTheTokensOfACheckpoint() throws {
        let url = try ImportFixture.url("torch-lstm-checkpoint.pt")
        let (expected, _) = try imported("torch-lstm-checkpoint.pt")
        #expect(try ImportedModel(contentsOf: url).model.fingerprint == expected.model.fingerprint)
    }

    @Test func saysWhatBecameOfEachTensor() throws {
        let (torch, _) = try imported("torch-relu-views.pt")
        #expect(
            torch.tensors.map(\.parameter) == [
                "embedding.weight", "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0",
                "rnn.bias_hh_l0",
                "rnn.weight_ih_l1", "rnn.weight_hh_l1", "rnn.bias_ih_l1", "rnn.bias_hh_l1", "decoder.weight",
                "decoder.bias", nil,
            ])
        #expect(torch.tensors[1].source == "rnn.weight_ih_l0")
        #expect(torch.tensors[1].shape == [5, 4])
        #expect(torch.tensors[1].note == nil)
        #expect(torch.tensors.last?.source == "steps")
        #expect(torch.tensors.last?.note == "whole numbers")
        let (keras, _) = try imported("keras-gru.safetensors")
        let bias = try #require(keras.tensors.first { $0.source == "gru/gru_cell/bias" })
        #expect(bias.parameter == "rnn.bias_ih_l0 and rnn.bias_hh_l0")
        #expect(bias.note == "gates z r h as r z n")
        #expect(keras.tensors.first { $0.source == "dense_1/kernel" }?.note == "transposed")
        let (tied, _) = try imported("torch-lstm-tied.pt")
        #expect(tied.tensors.first { $0.source == "fc.weight" }?.note == "equal to the embedding")
    }

    @Test(arguments: [
        ("keras-lstm.safetensors", true), ("keras-gru.safetensors", false),
        ("torch-lstm-checkpoint.pt", false), ("linen-optimized-lstm.safetensors", true),
        ("mlx-tanh.safetensors", true), ("mlx-gru.safetensors", false), ("torch-gru-no-bias.pt", false),
    ])
    func hasOneBiasWhereTheFrameworkHas(name: String, hasSingleBias: Bool) throws {
        let model = try imported(name).0.model
        #expect(model.configuration.hasSingleBias == hasSingleBias)
        let hidden = try #require(model.parameters["rnn.bias_hh_l0"])
        if hasSingleBias { #expect(hidden.values.allSatisfy { $0 == 0 }) }
    }

    // MARK: Names

    private let lstm: KeyValuePairs<String, [Int]> = [
        "e.weight": [3, 2], "f.weight_ih_l0": [8, 2], "f.weight_hh_l0": [8, 2], "g.weight": [3, 2],
        "h.weight": [3, 2], "h.bias": [3],
    ]

    @Test func namedPartsLeaveOthersOut() throws {
        let folder = try TemporaryFolder()
        expectError(naming: "more than one can be the decoder", "e.weight", "g.weight") {
            _ = try folder.imported(lstm)
        }
        let imported = try folder.imported(lstm, names: [.decoder: "h", .embedding: "g.weight"])
        #expect(imported.model.parameters["embedding.weight"]?.values[2].isEqual(to: 4 / 16) == true)
        #expect(imported.tensors.last?.source == "e.weight")
        #expect(imported.tensors.last?.parameter == nil)
        expectError(naming: "nothing of the name 'z' can be the embedding", "e.weight") {
            _ = try folder.imported(lstm, names: [.embedding: "z"])
        }
        expectError(naming: "nothing of the name 'z' can be the recurrent layers", "known: f") {
            _ = try folder.imported(lstm, names: [.rnn: "z"])
        }
    }

    @Test func namesOfPartsDoNotDecideBetweenHeads() throws {
        let folder = try TemporaryFolder()
        let shapes: KeyValuePairs<String, [Int]> = [
            "embed.weight": [3, 4], "f.weight_ih_l0": [8, 4], "f.weight_hh_l0": [8, 2], "fc.weight": [3, 2],
            "fc.bias": [3], "auxiliary.weight": [3, 2], "auxiliary.bias": [3],
        ]
        expectError(naming: "more than one can be the decoder: auxiliary.weight, fc.weight") {
            _ = try folder.imported(shapes)
        }
        let imported = try folder.imported(shapes, names: [.decoder: "fc"])
        #expect(imported.tensors.count { $0.parameter == nil } == 2)
    }

    @Test func layersBetweenPartsAreNeverLeftOut() throws {
        let folder = try TemporaryFolder()
        let start: KeyValuePairs<String, [Int]> = [
            "e.weight": [3, 4], "f.weight_ih_l0": [8, 4], "f.weight_hh_l0": [8, 2], "g.weight": [3, 2],
            "value.weight": [1, 2], "value.bias": [1],
        ]
        expectError(naming: "linear layers beside the decoder ('value.bias')") {
            _ = try folder.imported(start)
        }
        let imported = try folder.imported(start, names: [.decoder: "g"])
        #expect(
            imported.tensors.filter { $0.parameter == nil }.map(\.source) == ["value.bias", "value.weight"])
        expectError(naming: "linear layers beside the decoder ('hidden.weight')") {
            _ = try folder.imported(
                [
                    "e.weight": [3, 4], "f.weight_ih_l0": [8, 4], "f.weight_hh_l0": [8, 2],
                    "g.weight": [3, 2],
                    "hidden.weight": [2, 2],
                ], names: [.decoder: "g"])
        }
    }

    @Test func oneOfTwoNetworksIsNamed() throws {
        let url = try ImportFixture.url("torch-two-networks.pt")
        expectError(naming: "more than one can be the network's parameters: averages.ema, model") {
            _ = try ImportedModel(contentsOf: url)
        }
        let model = try ImportedModel(
            contentsOf: url, vocabulary: .tokens(ImportFixture.tokens), names: [.state: "averages.ema"]
        ).model
        try ImportFixture(of: "torch-two-networks.pt").expectLogits(
            ReferenceEngine(configuration: model.configuration, parameters: model.parameters))
        expectError(naming: "nothing of the name 'ema'", "known: averages.ema, model") {
            _ = try ImportedModel(contentsOf: url, names: [.state: "ema"])
        }
    }

    @Test func namesOfStacksAreOrderedByTheirNumbers() throws {
        let folder = try TemporaryFolder()
        let imported = try folder.imported([
            "lstm10.weight_ih_l0": [8, 2], "lstm10.weight_hh_l0": [8, 2], "lstm9.weight_ih_l0": [8, 3],
            "lstm9.weight_hh_l0": [8, 2], "out.weight": [3, 2],
        ])
        #expect(imported.model.configuration.layerCount == 2)
        #expect(imported.tensors[0].source == "lstm9.weight_ih_l0")
        let encoderAndDecoder: KeyValuePairs<String, [Int]> = [
            "encoder.weight_ih_l0": [8, 3], "encoder.weight_hh_l0": [8, 2], "decoder.weight_ih_l0": [8, 3],
            "decoder.weight_hh_l0": [8, 2], "out.weight": [3, 2],
        ]
        expectError(naming: "more than one can be the recurrent layers: decoder, encoder") {
            _ = try folder.imported(encoderAndDecoder)
        }
        let named = try folder.imported(encoderAndDecoder, names: [.rnn: "decoder"])
        #expect(named.model.configuration.layerCount == 1)
        #expect(named.tensors.count { $0.note == "not part of the model" } == 2)
    }

    @Test func aSquareNetworkMayBeOneHotOrTied() throws {
        let folder = try TemporaryFolder()
        let shapes: KeyValuePairs<String, [Int]> = [
            "weight_ih_l0": [12, 3], "weight_hh_l0": [12, 3], "out.weight": [3, 3],
        ]
        expectError(naming: "more than one can be the embedding: none, out.weight") {
            _ = try folder.imported(shapes)
        }
        let oneHot = try folder.imported(shapes, names: [.embedding: "none"])
        #expect(oneHot.model.configuration.embeddingSize == nil)
        let tied = try folder.imported(shapes, names: [.embedding: "out"])
        #expect(tied.model.configuration.tiesWeights)
    }
}
