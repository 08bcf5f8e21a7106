import Testing
import UnrollModel

@Suite struct InitializerTests {
    private let configuration = ModelConfiguration(cell: TwoGateCell.self, hiddenSize: 64)

    /// Two gates, so that stacked matrices are told from one.
    private enum TwoGateCell: RecurrentCell {
        static let name = "two-gate"
        static let gates = ["u", "n"]
        static let states = ["h"]

        static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
            ["h": sigmoid(gates.u) * tanh(gates.n)]
        }
    }

    private func parameters(_ initializer: WeightInitializer, seed: UInt64 = 1) throws -> ModelParameters {
        try ModelParameters(for: configuration, vocabularySize: 100, initializer: initializer, seed: seed)
    }

    private func moments(_ values: [Float]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        let variance =
            values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
        return (mean, variance.squareRoot())
    }

    @Test(arguments: WeightInitializer.allCases)
    func namesAndShapesArePyTorchs(initializer: WeightInitializer) throws {
        let parameters = try parameters(initializer)
        #expect(
            parameters.entries.map(\.name) == [
                "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0",
                "decoder.weight", "decoder.bias",
            ])
        #expect(
            parameters.entries.map(\.shape) == [[128, 100], [128, 64], [128], [128], [100, 64], [100]])
        #expect(try parameters.checkedVocabularySize(for: configuration) == 100)
        #expect(parameters.scalarCount == 128 * 100 + 128 * 64 + 2 * 128 + 100 * 64 + 100)
    }

    @Test(arguments: WeightInitializer.allCases)
    func theSeedDecides(initializer: WeightInitializer) throws {
        #expect(try parameters(initializer) == parameters(initializer))
        #expect(try parameters(initializer) != parameters(initializer, seed: 2))
    }

    @Test func normalWeightsHaveADeviationOfOneHundredth() throws {
        for entry in try parameters(.normal).entries {
            if entry.shape.count == 1 {
                #expect(entry.values.allSatisfy { $0 == 0 })
            } else {
                let (mean, deviation) = moments(entry.values)
                // Five standard errors of 6400 and more values.
                #expect(abs(mean) < 5 * 0.01 / Double(entry.values.count).squareRoot())
                #expect(abs(deviation / 0.01 - 1) < 5 / Double(2 * entry.values.count).squareRoot())
                // Outside two deviations lie 4.55 % of a normal distribution.
                let outside = entry.values.count { abs($0) > 0.02 }
                #expect(abs(Double(outside) / Double(entry.values.count) - 0.0455) < 0.015)
            }
        }
    }

    @Test func uniformValuesFillTheBoundOfPyTorch() throws {
        let bound = 1 / 8.0
        for entry in try parameters(.uniform).entries {
            #expect(entry.values.allSatisfy { abs(Double($0)) <= bound })
            let (mean, deviation) = moments(entry.values)
            let expected = bound / 3.0.squareRoot()
            #expect(abs(mean) < 5 * expected / Double(entry.values.count).squareRoot())
            #expect(abs(deviation / expected - 1) < 0.15)
        }
    }

    @Test func tensorsAreIndependentOfEachOther() throws {
        let parameters = try parameters(.uniform)
        let input = try #require(parameters["rnn.bias_ih_l0"])
        let hidden = try #require(parameters["rnn.bias_hh_l0"])
        #expect(!zip(input.values, hidden.values).contains { $0 == $1 })
    }

    @Test func everyGatesRecurrentMatrixIsOrthogonal() throws {
        let size = configuration.hiddenSize
        let weights = try #require(try parameters(.orthogonal)["rnn.weight_hh_l0"]).values
        for gate in 0..<2 {
            let rows = (0..<size).map { row in
                weights[(gate * size + row) * size..<(gate * size + row + 1) * size]
            }
            for i in 0..<size {
                for j in 0...i {
                    let product = zip(rows[i], rows[j]).reduce(0) { $0 + Double($1.0) * Double($1.1) }
                    #expect(abs(product - (i == j ? 1 : 0)) < 1e-5)
                }
            }
        }
        #expect(weights.prefix(size * size) != weights.suffix(size * size))
    }

    // MARK: Several layers, embeddings, tied weights

    @Test(arguments: WeightInitializer.allCases)
    func stacksHavePyTorchsNamesAndShapes(initializer: WeightInitializer) throws {
        let rest = [
            "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "rnn.weight_ih_l1",
            "rnn.weight_hh_l1", "rnn.bias_ih_l1", "rnn.bias_hh_l1",
        ]
        for (embedding, isTied, first, last) in [
            (nil, false, [], ["decoder.weight", "decoder.bias"]),
            (24, false, ["embedding.weight"], ["decoder.weight", "decoder.bias"]),
            (64, true, ["embedding.weight"], ["decoder.bias"]),
        ] as [(Int?, Bool, [String], [String])] {
            var configuration = configuration
            configuration.layerCount = 2
            configuration.embeddingSize = embedding
            configuration.tiesWeights = isTied
            let parameters = try ModelParameters(
                for: configuration, vocabularySize: 100, initializer: initializer, seed: 1)
            #expect(parameters.entries.map(\.name) == first + rest + last)
            #expect(parameters["embedding.weight"]?.shape == embedding.map { [100, $0] })
            #expect(parameters["rnn.weight_ih_l0"]?.shape == [128, embedding ?? 100])
            #expect(parameters["rnn.weight_ih_l1"]?.shape == [128, 64])
            #expect(try parameters.checkedVocabularySize(for: configuration) == 100)
        }
    }

    @Test(arguments: WeightInitializer.allCases, [false, true])
    func embeddingsBeginAsLargeAsTheirUseDemands(initializer: WeightInitializer, isTied: Bool) throws {
        var configuration = configuration
        configuration.embeddingSize = 64
        configuration.tiesWeights = isTied
        let parameters = try ModelParameters(
            for: configuration, vocabularySize: 100, initializer: initializer, seed: 1)
        let values = try #require(parameters["embedding.weight"]).values
        let expected: Double =
            switch (initializer, isTied) {
            case (.normal, _): 0.01
            case (_, false): 1
            case (_, true): 1 / 8.0 / 3.0.squareRoot()
            }
        let (mean, deviation) = moments(values)
        #expect(abs(mean) < 5 * expected / 80)
        #expect(abs(deviation / expected - 1) < 5 / 12_800.0.squareRoot())
        if isTied, initializer != .normal { #expect(values.allSatisfy { abs($0) <= 0.125 }) }
    }

    @Test func everyLayerIsOrthogonalAndOfItsOwn() throws {
        var configuration = configuration
        configuration.layerCount = 2
        let parameters = try ModelParameters(
            for: configuration, vocabularySize: 9, initializer: .orthogonal, seed: 1)
        let layers = try (0..<2).map { try #require(parameters["rnn.weight_hh_l\($0)"]).values }
        for values in layers {
            // The rows of an orthogonal matrix are of length 1, which no other initializer gives them.
            for row in 0..<128 {
                let length = values[row * 64..<(row + 1) * 64].reduce(0) { $0 + Double($1) * Double($1) }
                #expect(abs(length - 1) < 1e-5)
            }
        }
        #expect(layers[0] != layers[1])
    }

    @Test func orthogonalLeavesBiasesZero() throws {
        let parameters = try parameters(.orthogonal)
        #expect(parameters["decoder.bias"]?.values.allSatisfy { $0 == 0 } == true)
        let decoder = try #require(parameters["decoder.weight"])
        #expect(decoder.values.allSatisfy { abs($0) <= 0.125 } && decoder.values.contains { $0 != 0 })
    }
}
