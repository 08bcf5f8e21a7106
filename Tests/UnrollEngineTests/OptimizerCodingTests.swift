import Foundation
import Testing
import UnrollEngine
import UnrollText

/// Optimizers in files, whose bytes are under a seal.
@Suite struct OptimizerCodingTests {
    private func json(_ optimizer: Optimizer) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(optimizer), as: UTF8.self)
    }

    private func optimizer(_ json: String) throws -> Optimizer {
        try JSONDecoder().decode(Optimizer.self, from: Data(json.utf8))
    }

    /// The bytes that versions with no other rule wrote.
    @Test(arguments: [
        (Optimizer(), #"{"maxGradientNorm":1,"learningRate":1,"rule":"sgd"}"#),
        (Optimizer(learningRate: 0.1, maxGradientNorm: nil), #"{"learningRate":0.1,"rule":"sgd"}"#),
    ])
    func plainSGDKeepsItsBytes(optimizer: Optimizer, bytes: String) throws {
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

    @Test func whatIsLeftOutIsUsual() throws {
        for rule in Optimizer.Rule.all {
            let read = try optimizer(#"{"rule":"\#(rule.name)","learningRate":0.5}"#)
            #expect(read == Optimizer(rule: rule, learningRate: 0.5, maxGradientNorm: nil))
        }
    }

    @Test(arguments: [
        #"{"rule":"other","learningRate":1}"#, #"{"learningRate":1}"#, #"{"rule":"sgd"}"#,
        #"{"rule":"sgd","learningRate":1,"averaging":"other"}"#,
        #"{"rule":"sgd","learningRate":1,"averaging":"exponential"}"#,
    ])
    func whatMakesNoSenseIsRefused(json: String) {
        #expect(throws: DecodingError.self) { try optimizer(json) }
    }
}
