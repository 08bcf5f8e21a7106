import Foundation
import Testing
import UnrollBase
import UnrollInterchange
import UnrollModel
import UnrollTestSupport

/// Networks and files that cannot become models are refused by name.
@Suite struct ImportRefusalTests {
    private static let layer: [(String, [Int])] = [("weight_ih_l0", [8, 2]), ("weight_hh_l0", [8, 2])]
    private static let parts: [(String, [Int])] = [("embed.weight", [3, 2]), ("out.weight", [3, 2])]

    /// The message with which a network of these tensors is refused.
    private func refusal(_ tensors: [(String, [Int])], cell: (any RecurrentCell.Type)? = nil) throws
        -> ImportError?
    {
        let folder = try TemporaryFolder()
        let entries = tensors.map { name, shape in
            ModelParameters.Entry(
                name: name, shape: shape,
                values: (0..<shape.reduce(1, *)).map { Float($0 + name.count) / 16 })
        }
        try Safetensors.encode(ModelParameters(entries)).write(to: folder("n"))
        return #expect(throws: ImportError.self) {
            try ImportedModel(contentsOf: folder("n"), vocabulary: .tokens(["a", "b", "c"]), cell: cell)
        }
    }

    @Test(arguments: [
        ([("weight_ih_l0_reverse", [8, 2])], ForeignFeature.bidirectional),
        ([("weight_hr_l0", [1, 2])], .projection), ([("weight_hh_l0_g", [8, 1])], .reparameterization),
        ([("parametrizations.weight_hh_l0.original0", [8, 1])], .reparameterization),
        ([("norm.weight", [2]), ("norm.bias", [2])], .normalization),
        ([("attn.in_proj_bias", [6])], .attention), ([("conv.weight", [2, 2, 3])], .convolution),
        ([("peephole_i", [2])], .peepholes), ([("scale", [])], .otherTensors),
        ([("hidden.weight", [5, 2]), ("hidden.bias", [5])], .linearLayers),
        ([("weight_ih_l1", [6, 2]), ("weight_hh_l1", [6, 2])], .differentCells),
        ([("weight_ih_l1", [12, 2]), ("weight_hh_l1", [12, 3])], .differentSizes),
    ])
    func featuresHaveNames(tensors: [(String, [Int])], feature: ForeignFeature) throws {
        let error = try refusal(Self.layer + Self.parts + tensors)
        guard case .unsupportedFeature(feature, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.description.contains(feature.rawValue) == true)
    }

    @Test func deeperDecodersAreRefused() throws {
        let error = try refusal(
            Self.layer + [("embed.weight", [3, 2]), ("a.weight", [7, 2]), ("b.weight", [3, 7])])
        #expect(error == .unsupportedFeature(.linearLayers, tensor: "b.weight"))
    }

    @Test func partsMustFit() throws {
        #expect(
            try refusal(Self.layer + [("embed.weight", [4, 2]), ("out.weight", [3, 2]), ("out.bias", [3])])
                == .missingPart(.embedding, candidates: ["embed.weight [4, 2]", "out.weight [3, 2]"]))
        #expect(
            try refusal(Self.layer + [("embed.weight", [3, 1])])
                == .missingPart(.decoder, candidates: ["embed.weight [3, 1]"]))
        #expect(try refusal([Self.layer[0]]) == .missingTensor("weight_hh_l0"))
        #expect(
            try refusal([("weight_ih_l0", [7, 2]), Self.layer[1]] + Self.parts)
                == .wrongShape(name: "weight_ih_l0", shape: [7, 2], expected: "[8, I]"))
        #expect(
            try refusal([Self.layer[0], ("weight_hh_l0", [8, 4])] + Self.parts)
                == .wrongShape(
                    name: "weight_hh_l0", shape: [8, 4], expected: "[G H, H] with 1, 3 or 4 gates"))
        #expect(
            try refusal([("weight_ih_l1", [8, 2]), ("weight_hh_l1", [8, 2])] + Self.parts)
                == .missingTensor("weight_hh_l0"))
        #expect(try refusal(Self.parts) == .noRecurrentLayers(names: ["embed.weight", "out.weight"]))
        #expect(
            try refusal(Self.layer + [("m.Wh", [8, 2]), ("m.Wx", [8, 2])])
                == .severalFrameworks([.torch, .mlx]))
        #expect(try refusal(Self.layer + Self.parts, cell: GRUCell.self) == .otherCell("gru", gates: 4))
    }

    @Test func layersOfOneGateNeedACell() throws {
        let layer = [("weight_ih_l0", [2, 2]), ("weight_hh_l0", [2, 2])]
        #expect(try refusal(layer + Self.parts) == .ambiguousCell(known: ["tanh", "relu"]))
    }

    @Test func namesStayOnTheLine() throws {
        let error = try refusal(Self.layer + Self.parts + [("no\nrm\u{202E}", [2])])
        #expect(error?.description.contains(#"('no\nrm\u{202E}')"#) == true)
        #expect(error?.description.contains("\n") == false)
    }

    @Test func valuesMustBeFinite() throws {
        let folder = try TemporaryFolder()
        let entries = (Self.layer + Self.parts).map { name, shape in
            ModelParameters.Entry(
                name: name, shape: shape, values: [Float](repeating: .infinity, count: shape.reduce(1, *)))
        }
        try Safetensors.encode(ModelParameters(entries)).write(to: folder("n"))
        let error = #expect(throws: ImportError.self) { try ImportedModel(contentsOf: folder("n")) }
        #expect(error == .notFinite(name: "embed.weight"))
    }

    @Test(arguments: [
        ("torch-legacy.pt", ForeignFormat.legacyTorch), ("torch-script.pt", .torchScript),
        ("torch-compressed.pt", .compressedArchive), ("arrays.npz", .numpy), ("mlx-gru.json", .unknown),
    ])
    func formatsHaveNames(name: String, format: ForeignFormat) throws {
        let url = try ImportFixture.url(name)
        let error = #expect(throws: ImportError.self) { try ImportedModel(contentsOf: url) }
        #expect(error == .unsupportedFile(path: url.path, format))
    }

    @Test(arguments: [
        ("keras-bidirectional.safetensors", ForeignFeature.bidirectional),
        ("keras-gru-reset-before.safetensors", .resetBefore),
        ("linen-minimal.safetensors", .minimalGatedUnit),
    ])
    func featuresOfFrameworksHaveNames(name: String, feature: ForeignFeature) throws {
        expectError(naming: feature.rawValue) {
            _ = try ImportedModel(
                contentsOf: ImportFixture.url(name), vocabulary: .tokens(ImportFixture.tokens))
        }
    }

    @Test func modulesAreNamed() throws {
        expectError(naming: "'torch.nn.modules.rnn.RNN'", "model.state_dict()") {
            _ = try ImportedModel(contentsOf: ImportFixture.url("torch-module.pt"))
        }
        expectError(naming: "'weight_hh_l0' repeats elements", "clone()") {
            _ = try ImportedModel(contentsOf: ImportFixture.url("torch-expanded.pt"))
        }
    }

    @Test func filesMustBeThere() throws {
        let folder = try TemporaryFolder()
        expectError(naming: "no such file") { _ = try ImportedModel(contentsOf: folder("none")) }
        expectError(naming: "cannot be read") { _ = try ImportedModel(contentsOf: folder.url) }
        try folder.write("", to: "empty")
        expectError(naming: "neither safetensors nor a file of torch.save") {
            _ = try ImportedModel(contentsOf: folder("empty"))
        }
    }
}
