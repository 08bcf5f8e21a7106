import Foundation
import Testing
import UnrollBase
import UnrollReports
import UnrollText

@Suite struct NGramModelTests {
    @Test(arguments: Oracle.names)
    func equalsAnotherImplementation(name: String) throws {
        let oracle = try Oracle.named(name)
        let (training, heldOut) = try oracle.parts()
        #expect(!oracle.models.isEmpty)
        for expected in oracle.models {
            let model = NGramModel(
                of: training, vocabularySize: oracle.vocabularySize, order: expected.order)
            var history = model.beginning
            let probabilities = heldOut.map { model.probability(of: $0, after: &history) }.dropFirst()
            #expect(probabilities.count == expected.probabilities.count)
            for (found, expected) in zip(probabilities, expected.probabilities) {
                #expect(abs(found / expected - 1) < 1e-12)
            }
            let nats =
                expected.probabilities.reduce(0) { $0 - log($1) } / Double(expected.probabilities.count)
            #expect(abs(model.nats(of: heldOut) / nats - 1) < 1e-12)
        }
    }

    @Test(arguments: Oracle.names)
    func probabilitiesSumToOneAfterAnyContext(name: String) throws {
        let oracle = try Oracle.named(name)
        let training = try oracle.parts().training
        let model = NGramModel(of: training, vocabularySize: oracle.vocabularySize)
        var random = RandomSource(seed: 1, purpose: .generation)
        var history = model.beginning
        for round in 0..<40 {
            let sum = (0..<Int32(oracle.vocabularySize)).reduce(0) { sum, token in
                var history = history
                return sum + model.probability(of: token, after: &history)
            }
            #expect(abs(sum - 1) < 1e-12)
            // Contexts of the text, the one at its end among them, and others.
            if round == 20 {
                for token in training.suffix(5) { _ = model.probability(of: token, after: &history) }
                continue
            }
            let token =
                round < 20
                ? training[random.integer(below: training.count)]
                : Int32(random.integer(below: oracle.vocabularySize))
            _ = model.probability(of: token, after: &history)
        }
    }

    @Test func tokensOfALargeVocabularyAreNotMistakenForEachOther() throws {
        // Ids that differ in their upper bits alone, and whose sequences would collide if they were packed.
        let ids: [Int32] = [1, 65_537, 131_073, 1, 65_537, 196_609, 1, 65_537]
        let model = NGramModel(of: TokenIDs(ids), vocabularySize: 200_000)
        func probability(of token: Int32, after context: Int32...) -> Double {
            var history = model.beginning
            for other in context { _ = model.probability(of: other, after: &history) }
            return model.probability(of: token, after: &history)
        }
        #expect(probability(of: 131_073, after: 1, 65_537) > 0.1)
        #expect(probability(of: 131_073, after: 1, 131_073) < probability(of: 131_073, after: 1, 65_537))
        #expect(probability(of: 2, after: 1, 65_537) < 1e-4)
    }
}
