import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollTestSupport
import UnrollText

@Suite struct DynamicEvaluationTests {
    private struct Expectation: Decodable {
        let text: [Int32]
        let nats: Double
        let natsWithoutSeparator: Double
        let learningRate: Float
        let segmentLength: Int
        let maxGradientNorm: Float
        let dynamicNats: Double
        let dynamicNatsWithoutSeparator: Double
        let scaledLearningRate: Float
        let scaledNats: Double
        let scaledNatsWithoutSeparator: Double
    }

    /// See `Tools/oracles/score_vectors.py`.
    @Test(arguments: ["lstm-tied", "gru-one-hot", "tanh-embedding"], [true, false])
    func sumsAreThoseOfPyTorch(name: String, hasLineFeed: Bool) throws {
        // The same ids, of which the first is a line feed or not.
        let letters = hasLineFeed ? "\nabcdefg" : "abcdefgh"
        let model = try InterchangeModel(name).model(knowing: letters)
        let expected = try JSONDecoder().decode(
            Expectation.self, from: InterchangeModel.resource("\(name)-scores", "json"))
        let nats = hasLineFeed ? expected.nats : expected.natsWithoutSeparator
        let descent = hasLineFeed ? expected.dynamicNats : expected.dynamicNatsWithoutSeparator
        let scaled = hasLineFeed ? expected.scaledNats : expected.scaledNatsWithoutSeparator
        let text = String(expected.text.map { Array("?" + letters)[Int($0)] })
        let corpus = try Corpus(bytes: Array(text.utf8), name: "text", vocabulary: model.vocabulary)
        #expect(Array(corpus.tokens) == expected.text)
        var steps = Optimizer(
            learningRate: expected.learningRate, maxGradientNorm: expected.maxGradientNorm)
        let parameters = model.parameters
        #expect(abs(try model.evaluate(on: corpus).nats / nats - 1) < 1e-5)
        for dynamicNats in [descent, scaled] {
            let adaptation = DynamicEvaluation(optimizer: steps, segmentLength: expected.segmentLength)
            for threads in 1...2 {
                let evaluation = try model.evaluate(on: corpus, adapting: adaptation, threads: threads)
                #expect(abs(evaluation.nats / dynamicNats - 1) < 1e-5)
                #expect(evaluation.tokens == expected.text.count)
            }
            steps = DynamicEvaluation.scaledSteps(learningRate: expected.scaledLearningRate)
            steps.maxGradientNorm = expected.maxGradientNorm
        }
        // The model has learned nothing, nor has the engine that it keeps.
        #expect(model.parameters == parameters)
        #expect(abs(try model.evaluate(on: corpus).nats / nats - 1) < 1e-5)
    }

    @Test func aTextThatRepeatsItselfIsLearned() throws {
        let model = try LanguageModel.untrained(text: "abcdefgh", hiddenSize: 32)
        let corpus = try Corpus(text: String(repeating: "abcdefgh", count: 200))
        let plain = try model.evaluate(on: corpus)
        for optimizer in [Optimizer(learningRate: 1), DynamicEvaluation.scaledSteps(learningRate: 0.01)] {
            let dynamic = try model.evaluate(on: corpus, adapting: .init(optimizer: optimizer))
            #expect(dynamic.nats < 0.5 * plain.nats)
        }
        #expect(try model.evaluate(on: corpus, adapting: DynamicEvaluation()).nats < 0.9 * plain.nats)
    }

    @Test func ratesThatMakeNoSenseAreNamed() async throws {
        let model = try LanguageModel.untrained(text: "abcdefgh")
        let corpus = try Corpus(text: String(repeating: "abcdefgh", count: 20))
        for adaptation in [
            DynamicEvaluation(optimizer: .init(learningRate: 0)), .init(optimizer: .init(learningRate: .nan)),
            .init(optimizer: .init(learningRate: -1)), .init(optimizer: .init(maxGradientNorm: 0)),
            .init(segmentLength: 0),
        ] {
            await expectGenerationError { _ = try model.evaluate(on: corpus, adapting: adaptation) }
        }
        await expectGenerationError(.adaptationDiverged(learningRate: 3e38)) {
            _ = try model.evaluate(
                on: corpus, adapting: .init(optimizer: .init(learningRate: 3e38, maxGradientNorm: nil)))
        }
    }
}
