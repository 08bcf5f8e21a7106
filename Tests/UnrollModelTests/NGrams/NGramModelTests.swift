import Foundation
import Testing
import UnrollBase
import UnrollModel
import UnrollText

@Suite struct NGramModelTests {
    @Test(arguments: NGramOracle.names)
    func equalsAnotherImplementation(name: String) throws {
        let oracle = try NGramOracle.named(name)
        let (training, heldOut) = try oracle.parts()
        #expect(!oracle.models.isEmpty)
        for expected in oracle.models {
            let model = try NGramModel(
                of: training, vocabularySize: oracle.vocabularySize, order: expected.order)
            var history = model.beginning
            let probabilities = heldOut.map { token in
                defer { model.append(token, to: &history) }
                return model.probability(of: token, after: history)
            }.dropFirst()
            #expect(probabilities.count == expected.probabilities.count)
            for (found, expected) in zip(probabilities, expected.probabilities) {
                #expect(abs(found / expected - 1) < 1e-12)
            }
            let nats =
                expected.probabilities.reduce(0) { $0 - log($1) } / Double(expected.probabilities.count)
            #expect(abs(model.nats(of: heldOut) / nats - 1) < 1e-12)
        }
    }

    @Test(arguments: NGramOracle.names)
    func probabilitiesOfAllTokensAreThoseOfEachAndSumToOne(name: String) throws {
        let oracle = try NGramOracle.named(name)
        let training = try oracle.parts().training
        let model = try NGramModel(of: training, vocabularySize: oracle.vocabularySize)
        var random = RandomSource(seed: 1, purpose: .generation)
        var history = model.beginning
        var probabilities: [Double] = []
        for round in 0..<40 {
            model.copyProbabilities(after: history, to: &probabilities)
            #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12)
            for (token, probability) in probabilities.enumerated() {
                #expect(abs(probability / model.probability(of: Int32(token), after: history) - 1) < 1e-12)
            }
            // Contexts of the text, the one at its end among them, and others.
            if round == 20 {
                for token in training.suffix(5) { model.append(token, to: &history) }
                continue
            }
            let token =
                round < 20
                ? training[random.integer(below: training.count)]
                : Int32(random.integer(below: oracle.vocabularySize))
            model.append(token, to: &history)
        }
    }

    @Test(arguments: NGramOracle.names, [1, 2, 5])
    func theTreeHasTheSameProbabilities(name: String, order: Int) throws {
        let oracle = try NGramOracle.named(name)
        let training = try oracle.parts().training
        let model = try NGramModel(of: training, vocabularySize: oracle.vocabularySize, order: order)
        let tree = model.tree
        #expect(tree.freed.count == model.contextCount && tree.children.count == model.contextCount + 1)
        #expect(tree.tokens.count == model.nodeCount && tree.kept.count == model.nodeCount)
        func child(_ node: Int, _ token: Int32) -> Int? {
            let children = Int(tree.children[node])..<Int(tree.children[node + 1])
            #expect(zip(tree.tokens[children], tree.tokens[children].dropFirst()).allSatisfy { $0 < $1 })
            return children.first { tree.tokens[$0] == token }
        }
        var history = model.beginning
        // The nodes of the last 0, 1 ... tokens.
        var nodes: [Int?] = [0]
        for token in training.suffix(60) + [0, 1, training[0]] {
            var probability = 1 / Double(oracle.vocabularySize)
            for case let node? in nodes {
                probability = probability * tree.freed[node] + (child(node, token).map { tree.kept[$0] } ?? 0)
            }
            #expect(abs(probability / model.probability(of: token, after: history) - 1) < 1e-12)
            model.append(token, to: &history)
            nodes = [0] + nodes.prefix(order - 1).map { $0.flatMap { child($0, token) } }
        }
    }

    @Test func tokensOfALargeVocabularyAreNotMistakenForEachOther() throws {
        // Ids that differ in their upper bits alone, and whose sequences would collide if they were packed.
        let ids: [Int32] = [1, 65_537, 131_073, 1, 65_537, 196_609, 1, 65_537]
        let model = try NGramModel(of: TokenIDs(ids), vocabularySize: 200_000)
        func probability(of token: Int32, after context: Int32...) -> Double {
            var history = model.beginning
            for other in context { model.append(other, to: &history) }
            return model.probability(of: token, after: history)
        }
        #expect(probability(of: 131_073, after: 1, 65_537) > 0.1)
        #expect(probability(of: 131_073, after: 1, 131_073) < probability(of: 131_073, after: 1, 65_537))
        #expect(probability(of: 2, after: 1, 65_537) < 1e-4)
    }

    @Test func ofAVeryLargeTextTheEndIsCounted() throws {
        // Twice as many distinct sequences as are enough, of which none of the beginning is left.
        var random = RandomSource(seed: 1, purpose: .generation)
        let end = (0..<4_200_000).map { _ in Int32(random.integer(below: 60_000)) }
        let ids = [Int32](repeating: 60_001, count: 4_000_000) + end
        let model = try NGramModel(of: TokenIDs(ids), vocabularySize: 60_002, order: 2)
        #expect((4_000_000..<5_500_000).contains(model.sequenceCount))
        // Where it has not been counted, all other tokens are as probable after it as at the beginning.
        var (history, probability) = (model.beginning, 0.0)
        probability = model.probability(of: 5, after: history)
        model.append(60_001, to: &history)
        #expect(model.probability(of: 5, after: history) == probability)
    }

    @Test func idsOutsideTheVocabularyAreUnknown() throws {
        let model = try NGramModel(of: TokenIDs([1, 7, -1, 2]), vocabularySize: 3, order: 2)
        #expect(try model == NGramModel(of: TokenIDs([1, 0, 0, 2]), vocabularySize: 3, order: 2))
    }

    @Test(arguments: [-1, 0, 17]) func impossibleOrdersAreRefused(order: Int) {
        #expect(throws: ParameterError.self) {
            try NGramModel(of: TokenIDs([1, 2]), vocabularySize: 3, order: order)
        }
    }

    @Test(arguments: [Int.min, -1, 0, .max]) func impossibleVocabulariesAreRefused(size: Int) {
        #expect(throws: ParameterError.self) { try NGramModel(of: TokenIDs([1, 2]), vocabularySize: size) }
    }

    @Test(arguments: NGramOracle.names)
    func aFileHoldsTheModel(name: String) throws {
        let oracle = try NGramOracle.named(name)
        let model = try NGramModel(
            of: try oracle.parts().training, vocabularySize: oracle.vocabularySize, order: 6)
        let data = model.data
        #expect(try NGramModel(data, path: "ngrams.bin") == model)
        #expect(data.count < 6 * model.sequenceCount)
        // Whatever is cut off or changed gives an error or another model, and never traps.
        for length in Array(0..<min(data.count, 200)) + [data.count - 1] {
            #expect(throws: FileError.self) { try NGramModel(data.prefix(length), path: "ngrams.bin") }
        }
        #expect(throws: FileError.self) { try NGramModel(data + [0], path: "ngrams.bin") }
        var random = RandomSource(seed: 2, purpose: .generation)
        for _ in 0..<200 {
            var damaged = data
            damaged[random.integer(below: data.count)] = UInt8(random.integer(below: 256))
            guard let read = try? NGramModel(damaged, path: "ngrams.bin") else { continue }
            var (history, probabilities) = (read.beginning, [Double]())
            for token in 0..<Int32(min(read.vocabularySize, 50)) { read.append(token, to: &history) }
            if read.vocabularySize < 10_000 { read.copyProbabilities(after: history, to: &probabilities) }
        }
    }

    @Test(arguments: NGramOracle.names)
    func theUnigramEqualsAnotherImplementation(name: String) throws {
        let oracle = try NGramOracle.named(name)
        let (training, heldOut) = try oracle.parts()
        let model = UnigramModel(of: training, vocabularySize: oracle.vocabularySize)
        #expect(abs(model.nats(of: heldOut) / oracle.unigramNats - 1) < 1e-12)
        let sum = (0..<Int32(oracle.vocabularySize)).reduce(0) { $0 + model.probability(of: $1) }
        #expect(abs(sum - 1) < 1e-12)
    }

}
