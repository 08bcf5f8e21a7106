import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollTestSupport

/// What a cell learns beside its gates' weights, before any engine.
@Suite struct LearnedVectorsTests {
    // MARK: Parameters

    @Test func vectorsStandAfterTheBiasesOfTheirLayer() {
        let configuration = ModelConfiguration(cell: PeepholeCell.self, hiddenSize: 5, layerCount: 2)
        let layers = (0..<2).map { layer in
            [
                "weight_ih", "weight_hh", "bias_ih", "bias_hh", "input_peephole", "forget_peephole",
                "output_peephole",
            ].map { "rnn.\($0)_l\(layer)" }
        }
        let shapes = configuration.parameterShapes(vocabularySize: 9)
        #expect(shapes.map(\.name) == layers.flatMap(\.self) + ["decoder.weight", "decoder.bias"])
        for (name, shape) in shapes where name.contains("peephole") { #expect(shape == [5]) }
    }

    @Test(arguments: WeightInitializer.allCases)
    func vectorsBeginWithTheValueThatIsDeclared(initializer: WeightInitializer) throws {
        let configuration = ModelConfiguration(cell: VectorsCell.self, hiddenSize: 7, layerCount: 2)
        let parameters = try ModelParameters(
            for: configuration, vocabularySize: 9, initializer: initializer, seed: 3)
        let expected: [(String, Float)] = [
            ("scale", 0.5), ("idle", 3), ("shift", 0.1), ("start", -0.25), ("rest", 0.2),
        ]
        for layer in 0..<2 {
            for (name, value) in expected {
                let vector = try #require(parameters["rnn.\(name)_l\(layer)"])
                #expect(vector.values == [Float](repeating: value, count: 7))
            }
        }
    }

    @Test(arguments: WeightInitializer.allCases)
    func whatIsDrawnIsAsWithoutVectors(initializer: WeightInitializer) throws {
        func parameters(_ cell: any RecurrentCell.Type) throws -> ModelParameters {
            try ModelParameters(
                for: ModelConfiguration(cell: cell, hiddenSize: 7, layerCount: 2), vocabularySize: 9,
                initializer: initializer, seed: 3)
        }
        let vectors = try parameters(IdleVectorCell.self)
        for entry in try parameters(TanhCell.self).entries { #expect(vectors[entry.name] == entry) }
    }

    @Test func aCellWithoutVectorsHasTheParametersThatItHad() {
        #expect(TanhCell.vectorNames.isEmpty)
        #expect(ModelConfiguration(cell: LSTMCell.self, layerCount: 3).vectors.isEmpty)
    }

    // MARK: Formulas

    @Test func vectorsArePartOfAFormulasText() throws {
        #expect(
            try CellGraph(of: LearnedLeakCell.self).canonicalText == """
                unroll-cell 1
                gates 1
                states 1
                parameters 1
                constant 3ff0000000000000
                parameter 0
                sigmoid 1
                subtract 0 2
                state 0
                multiply 3 4
                gate 0
                tanh 6
                multiply 2 7
                add 5 8
                new 9

                """)
        #expect(try IdleVectorCell.digest != TanhCell.digest)
        let digest = try PeepholeCell.digest
        #expect(digest == "a48ecd7543bc5027886037108997b7594bdd638aa48f2e12a7dc67476856ca57")
    }

    @Test func firstValuesAndNamesAreNoPartOfIt() throws {
        enum Renamed: RecurrentCell {
            static let name = "learned-leak"
            static let gates = ["a"]
            static let states = ["y"]
            static let parameters: LearnedVectors = ["rate": 4]

            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                let rate = sigmoid(parameters.rate)
                return ["y": (1 - rate) * previous.y + rate * tanh(gates.a)]
            }
        }
        #expect(try Renamed.digest == LearnedLeakCell.digest)
    }

    @Test func aVectorThatIsNotUsedHasNoGradient() throws {
        let graph = try CellGraph(of: VectorsCell.self)
        #expect(graph.parameterCount == 5)
        #expect(graph.parameterGradients.map(graph.isZero) == [false, true, false, false, false])
    }

    // MARK: Declarations

    private static let malformed: [(vectors: LearnedVectors, reason: String)] = [
        (["leak": 1, "leak": 2], "it declares the vector 'leak' twice"),
        (["": 1], "the name '' of a vector must be letters, digits and underscores"),
        (["a-b": 1], "the name 'a-b' of a vector"), (["1st": 1], "the name '1st' of a vector"),
        (["é": 1], "the name 'é' of a vector"), (["a b": 1], "the name 'a b' of a vector"),
        (["bias_hh": 1], "no vector can have the name 'bias_hh'"),
        (["leak": .nan], "the vector 'leak' begins with nan, which is not a finite number"),
        (["leak": -.infinity], "the vector 'leak' begins with -inf"),
        (["leak": 1e39], "the vector 'leak' begins with 1e+39"),
    ]

    @Test(arguments: malformed.indices) func aDeclarationThatMakesNoSenseIsReported(index: Int) throws {
        let (vectors, reason) = Self.malformed[index]
        try Declared.$vectors.withValue(vectors) {
            let error = try #require(
                throws: ModelError.self, performing: { try LanguageModel.sample(cell: Declared.Cell.self) })
            #expect(error.description.contains("'declared' is not well-formed: \(reason)"), "\(error)")
        }
    }

    @Test func aMisspelledVectorIsReportedWithTheOneThatWasMeant() throws {
        enum Misspelled: RecurrentCell {
            static let name = "misspelled"
            static let gates = ["z"]
            static let states = ["h"]
            static let parameters: LearnedVectors = ["leak": 1, "start": 0]
            static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
                ["h": parameters.start + parameters.laek * gates.z]
            }
        }
        let error = #expect(throws: ModelError.self) {
            try LanguageModel.sample(cell: Misspelled.self)
        }
        #expect(
            try #require(error).description.contains(
                #"step uses the vector 'laek' but the cell declares ["leak", "start"]; did you mean 'leak'?"#)
        )
    }

    // MARK: Models

    @Test func modelsAreSavedAndLoaded() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(cell: PeepholeCell.self, layers: 2)
        try model.save(to: folder("model"))
        let read = try LanguageModel(contentsOf: folder("model"), cells: [PeepholeCell.self])
        #expect(read.parameters == model.parameters)
        #expect(try read.fingerprint == model.fingerprint)
    }

    /// The parameters of a module whose vectors have these names, in an order of its own.
    @Test func aStateDictionaryOfPyTorchIsRead() throws {
        let folder = try TemporaryFolder()
        let model = try LanguageModel.sample(cell: PeepholeCell.self)
        try model.save(to: folder("model"))
        let weights = folder("model/model.safetensors")
        var entries = Array(model.parameters.entries.reversed())
        try Safetensors.encode(ModelParameters(entries)).write(to: weights)
        let read = try LanguageModel(contentsOf: folder("model"), cells: [PeepholeCell.self])
        for entry in model.parameters.entries { #expect(read.parameters[entry.name] == entry) }
        entries.removeAll { $0.name == "rnn.forget_peephole_l0" }
        try Safetensors.encode(ModelParameters(entries)).write(to: weights)
        let error = #expect(throws: (any Error).self) {
            try LanguageModel(contentsOf: folder("model"), cells: [PeepholeCell.self])
        }
        #expect("\(try #require(error))".contains("'rnn.forget_peephole_l0' is missing"))
    }
}

/// A cell whose declaration a test chooses.
private enum Declared {
    @TaskLocal static var vectors: LearnedVectors = [:]

    enum Cell: RecurrentCell {
        static let name = "declared"
        static let gates = ["z"]
        static let states = ["h"]
        static var parameters: LearnedVectors { Declared.vectors }
        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": tanh(gates.z)]
        }
    }
}
