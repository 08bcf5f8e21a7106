import Foundation
import Testing
import UnrollEngine
import UnrollText

/// The JSON form of an optimizer; what a recipe leaves out is the concern of `TrainingOptions`.
@Suite struct OptimizerCodingTests {
    private func json(_ optimizer: Optimizer) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(optimizer), as: UTF8.self)
    }

    private func optimizer(_ json: String) throws -> Optimizer {
        try JSONDecoder().decode(Optimizer.self, from: Data(json.utf8))
    }

    @Test(arguments: [
        (
            Optimizer(),
            #"{"averaging":"none","learningRate":1,"maxGradientNorm":1,"rule":"sgd","weightDecay":0}"#
        ),
        (
            Optimizer(
                rule: .momentum(0.5), learningRate: 2, maxGradientNorm: nil,
                averaging: .exponential(decay: 0.25)),
            #"{"averaging":"exponential","averagingDecay":0.25,"learningRate":2,"maxGradientNorm":null,"momentum":0.5,"rule":"momentum","weightDecay":0}"#
        ),
    ])
    func everyKeyIsWritten(optimizer: Optimizer, bytes: String) throws {
        #expect(try json(optimizer) == bytes)
        #expect(try self.optimizer(bytes) == optimizer)
    }

    @Test func everyOptimizerComesBack() throws {
        for rule in Optimizer.Rule.all + [
            .momentum(0.5), .nesterov(0.25), .rmsprop(decay: 0.75, epsilon: 1e-3),
            .adam(beta1: 0.1, beta2: 0.2, epsilon: 0.3), .adamw(beta1: 0.4, beta2: 0.5, epsilon: 0.6),
        ] {
            for averaging in OptimizerTests.averagings {
                for weightDecay: Float in [0, 0.1] {
                    let original = Optimizer(
                        rule: rule, learningRate: 0.3, maxGradientNorm: nil, weightDecay: weightDecay,
                        averaging: averaging)
                    #expect(try optimizer(json(original)) == original)
                }
            }
        }
    }

    @Test(arguments: [
        #"{"rule":"other","learningRate":1,"weightDecay":0,"averaging":"none"}"#,
        #"{"learningRate":1,"weightDecay":0,"averaging":"none"}"#, #"{"rule":"sgd","learningRate":1}"#,
        #"{"rule":"sgd","learningRate":1,"weightDecay":0,"averaging":"other"}"#,
        #"{"rule":"sgd","learningRate":1,"weightDecay":0,"averaging":"exponential"}"#,
    ])
    func whatMakesNoSenseIsRefused(json: String) {
        #expect(throws: DecodingError.self) { try optimizer(json) }
    }
}
