import Testing
import UnrollBase
import UnrollEngine
import UnrollModel

/// Models that PyTorch has saved, and the logits that it found.
@Suite struct InterchangeTests {
    static let names = ["lstm-tied", "lstm-tied-under-both-names", "gru-one-hot", "tanh-embedding"]

    private func expectLogits(of engine: some Engine, _ expectation: InterchangeModel) throws {
        var logits: [Float] = []
        for (token, expected) in zip(expectation.tokens, expectation.logits) {
            try engine.advance(token, logits: &logits)
            #expect(logits.count == expected.count)
            #expect(zip(logits, expected).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test(arguments: names) func referenceEngineFindsPyTorchsLogits(name: String) throws {
        let expectation = try InterchangeModel(name)
        let model = try expectation.model()
        try expectLogits(
            of: ReferenceEngine(configuration: model.configuration, parameters: model.parameters), expectation
        )
    }

    @Test(arguments: names) func cpuEngineFindsPyTorchsLogits(name: String) throws {
        let expectation = try InterchangeModel(name)
        let model = try expectation.model()
        try expectLogits(
            of: CPUEngine(configuration: model.configuration, parameters: model.parameters), expectation)
    }
}
