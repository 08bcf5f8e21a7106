import Testing
import UnrollBase
import UnrollModel

@Suite struct NamedTensorsTests {
    private let configuration = ModelConfiguration(cell: TanhCell.self, hiddenSize: 3)

    private let parameters: ModelParameters

    init() throws {
        parameters = try ModelParameters(for: configuration, vocabularySize: 5, seed: 1)
    }

    @Test(arguments: [0, -1, Int.max]) func senselessSizesAreRefused(size: Int) {
        #expect(throws: ParameterError.outOfRange("vocabularySize", size, "in 1...2147483647")) {
            try ModelParameters(for: configuration, vocabularySize: size, seed: 1)
        }
        #expect(throws: ParameterError.outOfRange("hiddenSize", size, "in 1...65536")) {
            try ModelParameters(for: ModelConfiguration(hiddenSize: size), vocabularySize: 5, seed: 1)
        }
    }

    private func expect<Failure: UnrollError & Equatable>(
        _ error: Failure, from parameters: ModelParameters, configuration: ModelConfiguration? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: error, sourceLocation: sourceLocation) {
            try parameters.checkedVocabularySize(for: configuration ?? self.configuration)
        }
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
    }

    @Test func theOrderOfTensorsIsFree() throws {
        var parameters = parameters
        parameters.entries.reverse()
        #expect(try parameters.checkedVocabularySize(for: configuration) == 5)
    }

    @Test(arguments: 0..<6)
    func missesATensor(index: Int) {
        var parameters = parameters
        let name = parameters.entries.remove(at: index).name
        expect(ModelError.missingTensor(name), from: parameters)
    }

    @Test func refusesStrangersAndTwins() {
        var stranger = parameters
        stranger.entries.append(.init(name: "rnn.weight_ih_l1", shape: [1], values: [0]))
        expect(ModelError.unexpectedTensor("rnn.weight_ih_l1"), from: stranger)
        var twin = parameters
        twin.entries.append(twin.entries[2])
        expect(ModelError.duplicateTensor("rnn.bias_ih_l0"), from: twin)
    }

    @Test func refusesWrongShapes() {
        var transposed = parameters
        transposed.entries[0].shape = [5, 3]
        expect(
            ModelError.shapeMismatch(name: "rnn.weight_ih_l0", expected: [3, 5], actual: [5, 3]),
            from: transposed)
        var short = parameters
        short.entries[4].values.removeLast()
        expect(ModelError.shapeMismatch(name: "decoder.weight", expected: [5, 3], actual: [14]), from: short)
        var scalar = parameters
        scalar.entries[5].shape = []
        expect(ModelError.shapeMismatch(name: "decoder.bias", expected: [5], actual: []), from: scalar)
    }

    @Test(arguments: [0, -1, 65_537, Int.max, Int.min])
    func refusesAbsurdHiddenSizes(size: Int) {
        let absurd = ModelConfiguration(cell: TanhCell.self, hiddenSize: size)
        expect(
            ParameterError.outOfRange("hiddenSize", size, "in 1...65536"), from: parameters,
            configuration: absurd)
    }

    @Test func refusesAbsurdLayersAndEmbeddings() {
        func refuses(_ error: ParameterError, _ change: (inout ModelConfiguration) -> Void) {
            var configuration = configuration
            change(&configuration)
            expect(error, from: parameters, configuration: configuration)
        }
        for count in [0, -1, 65, Int.max, Int.min] {
            refuses(.outOfRange("layerCount", count, "in 1...64")) { $0.layerCount = count }
        }
        for size in [0, -1, 65_537, Int.max, Int.min] {
            refuses(.outOfRange("embeddingSize", size, "in 1...65536")) { $0.embeddingSize = size }
        }
        for size in [nil, 2, 4] {
            refuses(.needs(parameter: "tiesWeights", other: "embeddingSize", values: ["3"])) {
                $0.embeddingSize = size
                $0.tiesWeights = true
            }
        }
    }

    // MARK: Tied weights

    @Test func tiedWeightsAreMergedHoweverTheyWereSaved() throws {
        let tied = ModelConfiguration(cell: TanhCell.self, hiddenSize: 3, embeddingSize: 3, tiesWeights: true)
        let once = try ModelParameters(for: tied, vocabularySize: 5, seed: 1)
        #expect(try once.mergingTiedWeights(of: tied) == once)

        var renamed = once
        renamed.entries[0].name = "decoder.weight"
        #expect(try renamed.mergingTiedWeights(of: tied) == once)

        var both = once
        both.entries.append(renamed.entries[0])
        #expect(throws: ModelError.unexpectedTensor("decoder.weight")) {
            try both.checkedVocabularySize(for: tied)
        }
        #expect(try both.mergingTiedWeights(of: tied) == once)

        both.entries[both.entries.count - 1].values[7] += 1
        #expect(throws: ModelError.differingTiedWeights) { try both.mergingTiedWeights(of: tied) }
    }

    @Test func weightsThatAreNotTiedStayApart() throws {
        let untied = ModelConfiguration(cell: TanhCell.self, hiddenSize: 3, embeddingSize: 3)
        let parameters = try ModelParameters(for: untied, vocabularySize: 5, seed: 1)
        #expect(try parameters.mergingTiedWeights(of: untied) == parameters)
        #expect(try parameters.checkedVocabularySize(for: untied) == 5)
    }
}

extension ParameterError {
    fileprivate static func outOfRange(_ parameter: String, _ value: Int, _ allowed: String) -> ParameterError
    {
        .outOfRange(parameter: parameter, value: "\(value)", allowed: allowed)
    }
}
