import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Hidden units and what they keep track of.
@Suite struct UnitTests {
    // MARK: Features

    private func values(_ text: String, _ feature: TextFeature) throws -> [Int] {
        let index = try #require(TextFeature.allCases.firstIndex(of: feature))
        let bytes = Array(text.utf8)
        var ends = text.unicodeScalars.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.utf8.count) }
        ends.removeFirst()
        return TextFeature.values(in: bytes, at: ends).map { Int($0[index]) }
    }

    @Test func quotationsBeginAndEnd() throws {
        #expect(try values(#"a"b"c"#, .quotation) == [0, 1, 1, 0, 0])
        #expect(try values("a“ä”c", .quotation) == [0, 1, 1, 0, 0])
        // Single marks may be apostrophes.
        #expect(try values("'it's.' b's", .quotation) == [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
        #expect(try values("‘it’s.’ b’s", .quotation) == [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0])
        // Of several paragraphs, each opens its own; one that is not closed ends with its paragraph.
        #expect(try values("“a\nb\n\nc", .quotation) == [1, 1, 1, 1, 1, 0, 0])
        #expect(try values("\"a\n \nc", .quotation) == [1, 1, 1, 1, 0, 0])
    }

    @Test func placesInLinesAndWordsAreCounted() throws {
        #expect(try values("ab\ncä", .linePosition) == [1, 2, 0, 1, 2])
        #expect(try values("ab, cä7", .wordPosition) == [1, 2, 0, 0, 1, 2, 3])
        #expect(try values("  a b\n c\nd", .indentation) == [1, 2, 2, 2, 2, 0, 1, 1, 0, 0])
        #expect(try values(")([{a}])", .bracketDepth) == [0, 1, 2, 3, 3, 2, 1, 0])
    }

    @Test func aWordIsFollowedToItsEnd() throws {
        let values = TextFeature.values(in: Array("one (two".utf8), at: [4, 8])
        let depth = try #require(TextFeature.allCases.firstIndex(of: .bracketDepth))
        #expect(values.map { $0[depth] } == [0, 1])
    }

    // MARK: Correlations

    @Test func correlationsOfKnownActivations() {
        var correlations = UnitCorrelations(unitCount: 5, featureCount: 2)
        let feature: [Float] = [0, 0, 1, 1, 1, 0, 0, 1, 0, 0]
        for (index, value) in feature.enumerated() {
            let noise: Float = index.isMultiple(of: 2) ? 0.5 : -0.5
            // The feature, its opposite, the feature with noise, noise, and nothing.
            correlations.add(
                [2 * value - 1, -value, value + noise, noise, 0.25], features: [value, 7])
        }
        #expect(abs(correlations.correlation(unit: 0, feature: 0) - 1) < 1e-12)
        #expect(abs(correlations.correlation(unit: 1, feature: 0) + 1) < 1e-12)
        // By hand: the variances are 0.24 and 0.24 + 0.25, the covariance of feature and noise is 0.
        let expected = 0.24 / (0.24 * 0.49).squareRoot()
        #expect(abs(correlations.correlation(unit: 2, feature: 0) - expected) < 1e-12)
        #expect(abs(correlations.correlation(unit: 3, feature: 0)) < 1e-12)
        #expect(correlations.correlation(unit: 4, feature: 0) == 0)
        for unit in 0..<5 { #expect(correlations.correlation(unit: unit, feature: 1) == 0) }
        #expect(correlations.best(3, for: 0).map(\.unit) == [0, 1, 2])
        #expect(correlations.best(3, for: 1).isEmpty)
    }

    @Test func correlationsAreExactFarFromZero() {
        var correlations = UnitCorrelations(unitCount: 1, featureCount: 1)
        for index in 0..<10_000 {
            let value = Float(index % 100)
            correlations.add([1000 + value / 64], features: [100_000 - value])
        }
        #expect(abs(correlations.correlation(unit: 0, feature: 0) + 1) < 1e-6)
    }

    // MARK: Inspections

    private static func model(layers: Int = 2, known: String = "one (two)\n") throws -> LanguageModel {
        let vocabulary = try Corpus(text: known).vocabulary
        let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 37, layerCount: layers)
        return try LanguageModel(
            configuration: configuration, vocabulary: vocabulary,
            parameters: ModelParameters(
                for: configuration, vocabularySize: vocabulary.count, initializer: .uniform, seed: 4))
    }

    /// Longer than what is read at once.
    private static let text = String(repeating: "two (one)\n one (two)\n", count: 20)

    @Test(arguments: [true, false]) func anInspectionIsTheScoreAndTheStates(hasLineFeed: Bool) throws {
        let model = try Self.model(known: hasLineFeed ? "one (two)\n" : "one (tw)")
        let text = hasLineFeed ? Self.text : Self.text.replacing("\n", with: "")
        let inspection = try model.inspect(Array(text.utf8))
        #expect(inspection.score == (try model.score(text)))
        #expect(inspection.text.ids == model.vocabulary.encode(text).ids)
        // Every unit that was kept, as an engine has it that reads token by token.
        let engine = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
        var logits: [Float] = []
        if let lineFeed = model.vocabulary.id(of: "\n") { try engine.advance(lineFeed, logits: &logits) }
        for (position, id) in inspection.text.ids.enumerated() {
            try engine.advance(id, logits: &logits)
            let state = try engine.recurrentState
            for (unit, activations) in zip(inspection.units, inspection.activations) {
                let value = try state.units(of: unit.state, layer: unit.layer)[unit.index]
                #expect(abs(activations[position] - (unit.state == "h" ? value : tanh(value))) < 1e-5)
            }
        }
        #expect(inspection.activations.allSatisfy { $0.count == inspection.text.ids.count })
    }

    @Test func theMostProbableTokensAreKept() throws {
        let model = try LanguageModel.constant(logits: [1, 5, 3, 4, 2, 0])
        let inspection = try model.inspect(Array("abcde".utf8))
        // Without a line feed, all tokens are equally probable at first.
        #expect(inspection.alternatives.count == 5 && inspection.alternatives[0].isEmpty)
        for alternatives in inspection.alternatives.dropFirst() {
            #expect(alternatives.map(\.id) == [1, 3, 2])
            let sum = (0...5).reduce(0) { $0 + exp(Float($1)) }
            for (alternative, logit) in zip(alternatives, [5, 4, 3] as [Float]) {
                #expect(abs(alternative.probability - exp(logit) / sum) < 1e-6)
            }
        }
    }

    @Test func findingsAreTheGreatestCorrelations() throws {
        let model = try Self.model()
        let inspection = try model.inspect(Array(Self.text.utf8))
        for feature in TextFeature.allCases {
            let found = inspection.findings.filter { $0.feature == feature }
            // There is not a quotation in the text.
            #expect(found.count == (feature == .quotation ? 0 : TextInspection.unitsPerFeature))
            #expect(found.map { abs($0.correlation) } == found.map { abs($0.correlation) }.sorted(by: >))
            for finding in found {
                let index = try #require(TextFeature.allCases.firstIndex(of: feature))
                let values = TextFeature.values(
                    in: inspection.text.bytes, at: inspection.text.starts.dropFirst() + [Self.text.utf8.count]
                ).map { $0[index] }
                let expected = Self.pearson(inspection.activations[finding.unit], values)
                #expect(abs(finding.correlation - expected) < 1e-4)
            }
        }
        #expect(Set(inspection.units.map { "\($0)" }).count == inspection.units.count)
    }

    private static func pearson(_ first: [Float], _ second: [Float]) -> Double {
        let (first, second) = (first.map(Double.init), second.map(Double.init))
        let means = [first, second].map { $0.reduce(0, +) / Double($0.count) }
        var (common, squares) = (0.0, (0.0, 0.0))
        for (a, b) in zip(first, second) {
            common += (a - means[0]) * (b - means[1])
            squares.0 += (a - means[0]) * (a - means[0])
            squares.1 += (b - means[1]) * (b - means[1])
        }
        return common / (squares.0 * squares.1).squareRoot()
    }

    @Test func emptyTextsHaveNothingToLookAt() throws {
        let inspection = try Self.model().inspect([])
        #expect(inspection.score.tokens.isEmpty && inspection.units.isEmpty && inspection.activations.isEmpty)
    }
}
