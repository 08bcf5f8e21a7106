import ExportedModels
import Foundation
import Testing
import UnrollInterchange
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct ONNXFileTests {
    @Test func aKnownCellIsAnOperator() throws {
        for (file, axes) in [("step", 1), ("sequence", 0)] {
            let reader = try Fixture.onnx("lstm", file)
            #expect(reader.versions == [8, 17])
            #expect(reader.operations["LSTM"] == 2)
            #expect(reader.operations["Gather"] == 1)
            #expect(reader.operations["Scan"] == nil)
            #expect(reader.operations["Unsqueeze"] ?? 0 == 2 * axes)
            #expect(reader.inputs == ["tokens", "h_0", "c_0"])
            #expect(reader.outputs == ["logits", "h_n", "c_n"])
        }
    }

    /// The decoder reads the embedding's own tensor.
    @Test func tiedWeightsAreThereOnce() throws {
        let reader = try Fixture.onnx("lstm", "step")
        #expect(reader.tensors["embedding.weight"]?.shape == [28, 5])
        #expect(reader.tensors["decoder.weight"] == nil)
        #expect(reader.tensors["decoder.bias"]?.shape == [28])
        #expect(reader.nodes.count { $0.inputs.contains("embedding.weight") } == 2)
    }

    @Test func aFormulaIsAScanOfItsOperators() throws {
        let sequence = try Fixture.onnx("every-function", "sequence")
        #expect(sequence.operations["Scan"] == 2)
        let step = try Fixture.onnx("every-function", "step")
        #expect(step.operations["Scan"] == nil)
        for operation in [
            "Tanh", "Sigmoid", "Relu", "Exp", "Log", "Sqrt", "Abs", "Softplus", "Pow", "Min", "Max", "Div",
        ] {
            #expect(step.operations[operation] ?? 0 > 0, "\(operation)")
            #expect(sequence.operations[operation] == step.operations[operation], "\(operation)")
        }
        // Tokens are columns of the first layer's weights; no product with one-hot vectors.
        let gather = try #require(step.nodes.first { $0.operation == "Gather" })
        #expect(gather.inputs == ["rnn.weight_ih_l0_transposed", "tokens"])
    }

    /// Of one name in a file, no two things.
    @Test(arguments: Fixture.names, ["step", "sequence"])
    func namesAreUnique(name: String, file: String) throws {
        let reader = try Fixture.onnx(name, file)
        let nodes = reader.nodes + reader.nodes.flatMap(\.body)
        let names = reader.inputs + Array(reader.tensors.keys) + nodes.flatMap(\.outputs).filter { $0 != "" }
        #expect(Set(names).count == names.count)
        let given = Set(names)
        for node in reader.nodes { #expect(given.isSuperset(of: node.inputs.filter { $0 != "" })) }
    }

    @Test(arguments: Fixture.names)
    func metadataDescribesTheModel(name: String) throws {
        let model = try Fixture.model(name)
        let metadata = try Fixture.onnx(name, "step").metadata
        #expect(metadata == (try Fixture.onnx(name, "sequence").metadata))
        #expect(Set(metadata.keys) == ["cell", "cell.sha256", "configuration", "tokens", "vocabulary"])
        #expect(metadata["cell"] == model.configuration.cell.name)
        #expect(metadata["cell.sha256"] == (try model.configuration.cell.digest))
        #expect(metadata["tokens"] == model.vocabulary.kind.rawValue)
        let vocabulary = try Vocabulary(jsonData: Data(try #require(metadata["vocabulary"]).utf8))
        #expect(vocabulary == model.vocabulary)
        let configuration = try Data(contentsOf: Fixture.url("\(name)-safetensors/config.json"))
        #expect(metadata["configuration"] == String(decoding: configuration, as: UTF8.self))
    }

    /// ONNX wants i, o, f, c of PyTorch's i, f, g, o.
    @Test func gatesAreInTheOrderOfTheOperator() throws {
        let model = try Fixture.model("lstm")
        let weights = try #require(model.parameters["rnn.weight_hh_l1"]?.values)
        let gates = (0..<4).map { Array(weights[$0 * 25..<($0 + 1) * 25]) }
        let tensor = try #require(Fixture.onnx("lstm", "step").tensors["rnn.R_l1"])
        #expect(tensor.shape == [1, 20, 5])
        #expect(floats(tensor.elements) == [gates[0], gates[3], gates[1], gates[2]].flatMap(\.self))
    }

    private func floats(_ data: Data) -> [Float] {
        let bytes = Array(data)
        return stride(from: 0, to: bytes.count, by: 4).map { index in
            Float(bitPattern: bytes[index..<index + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
        }
    }

    /// States whose names are no identifiers are numbered.
    @Test func statesHaveNamesForAllLanguages() throws {
        enum Named: RecurrentCell {
            static let name = "named \"in\" words\n"
            static let gates = ["the gate", "ein Tor"]
            static let states = ["h", "mémoire"]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                let gate = gates[dynamicMember: "the gate"] * gates[dynamicMember: "ein Tor"]
                return ["h": tanh(gate), "mémoire": previous[dynamicMember: "mémoire"] * 0.5 + gate]
            }
        }
        let vocabulary = try Corpus(text: "abc").vocabulary
        let configuration = ModelConfiguration(cell: Named.self, hiddenSize: 3)
        let model = try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(for: configuration, vocabularySize: vocabulary.count, seed: 1))
        let folder = try TemporaryFolder()
        try model.export(to: folder("onnx"), as: .onnx)
        let reader = try ONNXFileReader(Data(contentsOf: folder("onnx/step.onnx")))
        #expect(reader.inputs == ["tokens", "state0_0", "state1_0"])
        try model.export(to: folder("pytorch"), as: .pytorch)
        let module = try String(contentsOf: folder("pytorch/model.py"), encoding: .utf8)
        #expect(module.contains("old_state0, old_state1 = state\n"))
        #expect(module.contains(#"Layers of the cell "named \"in\" words\n", whose"#))
    }
}
