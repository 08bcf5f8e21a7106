import Chapter
import GRUFromScratch
import LSTMFromScratch
import Testing
import Unroll

/// The cells that readers write, against implementations that are not ours.
@Suite struct OracleTests {
    @Test func lstmAgreesWithPyTorch() throws {
        let oracle = try Oracle.named("lstm")
        let gates = try oracle.gates(from: oracle.parameters)
        let gradients = try oracle.gates(from: oracle.gradients)
        // One bias does for two, and has the gradient that each of them has.
        #expect(gradients.inputBiases == gradients.hiddenBiases)
        let biases = try zip(gates.inputBiases, gates.hiddenBiases).map { try $0 + $1 }
        try check(
            lstm, at: lstmTensors(gates, biases: biases), states: ["h", "c"], against: oracle,
            gradients: lstmTensors(gradients, biases: gradients.inputBiases))
    }

    @Test func gruResettingTheProductAgreesWithPyTorch() throws {
        let oracle = try Oracle.named("gru-after")
        try check(
            gru(reset: .after), at: gruTensors(oracle.gates(from: oracle.parameters)), states: ["h"],
            against: oracle, gradients: gruTensors(oracle.gates(from: oracle.gradients)))
    }

    @Test func gruResettingTheStateAgreesWithONNX() throws {
        let oracle = try Oracle.named("gru-before")
        try check(
            gru(reset: .before), at: gruTensors(oracle.gates(from: oracle.parameters)), states: ["h"],
            against: oracle, gradients: gruTensors(oracle.gates(from: oracle.gradients)))
    }

    /// As `lstmParameters` orders them: i, f, o, g, where PyTorch has i, f, g, o.
    private func lstmTensors(_ gates: GateTensors, biases: [Tensor]) -> [Tensor] {
        [0, 1, 3, 2].flatMap { [gates.inputWeights[$0], gates.hiddenWeights[$0], biases[$0]] } + gates.output
    }

    /// As `gruParameters` orders them: r, z, n, as PyTorch does.
    private func gruTensors(_ gates: GateTensors) -> [Tensor] {
        (0..<3).flatMap {
            [
                gates.inputWeights[$0], gates.hiddenWeights[$0],
                gates.inputBiases[$0], gates.hiddenBiases[$0],
            ]
        } + gates.output
    }

    private func check(
        _ forward: Forward, at parameters: [Tensor], states names: [String], against oracle: Oracle,
        gradients expected: [Tensor]
    ) throws {
        let inputs = try oneHotInputs(oracle.minibatch, vocabularySize: oracle.vocabularySize)
        let states = try oracle.states(names, from: oracle.initialState)
        let (outputs, final) = try forward(inputs, states, parameters)
        #expect(outputs.shape == [oracle.sequenceLength * oracle.batchSize, oracle.vocabularySize])
        #expect(greatestDifference(outputs.elements.map(Double.init), oracle.logits) < 1e-5)
        #expect(final.count == names.count)
        for (name, state) in zip(names, final) {
            #expect(state.shape == [oracle.batchSize, oracle.hiddenSize])
            let values = try #require(oracle.finalState[name])
            #expect(greatestDifference(state.elements.map(Double.init), values) < 1e-5, "\(name)")
        }

        let (loss, gradients) = try valueWithGradient(at: parameters + states) { variables in
            let (outputs, _) = try forward(
                inputs, Array(variables[parameters.count...]), Array(variables[..<parameters.count]))
            return try softmaxCrossEntropy(outputs, oracle.targets).mean()
        }
        #expect(abs(Double(try loss.scalar()) - oracle.loss) < 1e-5)
        let all = try expected + oracle.states(names, from: oracle.gradients)
        #expect(gradients.count == all.count)
        for (index, (gradient, expected)) in zip(gradients, all).enumerated() {
            #expect(greatestDifference(gradient, expected) < 1e-5, "tensor \(index)")
        }
    }
}
