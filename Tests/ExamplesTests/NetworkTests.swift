import Chapter
import GRUFromScratch
import LSTMFromScratch
import Testing
import Unroll

@Suite struct NetworkTests {
    static let sizes = (sequenceLength: 5, batchSize: 3, vocabularySize: 7, hiddenSize: 4)

    @Test func statesAreZero() throws {
        #expect(try rnnState(batchSize: 2, hiddenSize: 3) == [.zeros([2, 3])])
        #expect(try lstmState(batchSize: 2, hiddenSize: 3) == [.zeros([2, 3]), .zeros([2, 3])])
    }

    @Test func parametersHaveTheirShapes() throws {
        let gate = [[7, 4], [4, 4], [4]]
        let output = [[4, 7], [7]]
        for (network, shapes) in [
            (Network.rnn, gate + output), (.lstm, gate + gate + gate + gate + output),
            (.gruAfter, Array([gate + [[4]], gate + [[4]], gate + [[4]], output].joined())),
        ] {
            let parameters = try network.parameters(vocabularySize: 7, hiddenSize: 4, seed: 1)
            #expect(parameters.map(\.shape) == shapes, "\(network)")
        }
    }

    @Test(arguments: Network.allCases) func parametersAreDrawn(network: Network) throws {
        func parameters(seed: UInt64) throws -> [Tensor] {
            try network.parameters(vocabularySize: 28, hiddenSize: 64, seed: seed)
        }
        let tensors = try parameters(seed: 1)
        let others = try parameters(seed: 2)
        #expect(try tensors == parameters(seed: 1))
        for (index, tensor) in tensors.enumerated() {
            if tensor.shape.count == 1 {
                #expect(try tensor == .zeros(tensor.shape))
            } else {
                #expect(try abs(tensor.mean().scalar()) < 0.001)
                #expect(try abs((tensor * tensor).mean().scalar().squareRoot() - 0.01) < 0.001)
                #expect(tensor != others[index])
                #expect(!tensors[..<index].contains(tensor))
            }
        }
    }

    @Test(arguments: Network.allCases) func outputsAreTimeMajor(network: Network) throws {
        let sizes = Self.sizes
        let (inputs, states, parameters) = try example(network)
        let (outputs, final) = try network.forward(inputs, states, parameters)
        #expect(outputs.shape == [sizes.sequenceLength * sizes.batchSize, sizes.vocabularySize])
        #expect(final.map(\.shape) == states.map(\.shape))

        // One step after the other gives the same, so rows are steps and within them sequences.
        var state = states
        for t in 0..<sizes.sequenceLength {
            let step = try network.forward(inputs.sliced(t..<t + 1), state, parameters)
            let rows = try outputs.sliced(t * sizes.batchSize..<(t + 1) * sizes.batchSize)
            #expect(greatestDifference(step.outputs, rows) < 1e-6)
            state = step.state
        }
        for (one, other) in zip(state, final) { #expect(greatestDifference(one, other) < 1e-6) }
    }

    @Test(arguments: Network.allCases) func sequencesAreApart(network: Network) throws {
        let (inputs, states, parameters) = try example(network)
        let (outputs, _) = try network.forward(inputs, states, parameters)
        let (alone, _) = try network.forward(
            inputs.sliced(1..<2, axis: 1), states.map { try $0.sliced(1..<2) }, parameters)
        let rows = try outputs.reshaped(to: [Self.sizes.sequenceLength, Self.sizes.batchSize, -1])
            .sliced(1..<2, axis: 1).reshaped(to: alone.shape)
        #expect(greatestDifference(alone, rows) < 1e-6)
    }

    @Test func oneHotInputsAreTheTokens() throws {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 2, batchSize: 3, continuesState: false)
        minibatch.inputs = [4, 0, 2, 1, 3, 4]
        let inputs = try oneHotInputs(minibatch, vocabularySize: 5)
        #expect(inputs.shape == [2, 3, 5])
        #expect(try inputs.argmax() == minibatch.inputs)
        #expect(try inputs.sum(axes: [-1]) == Tensor(repeating: 1, shape: [2, 3]))
        #expect(Set(inputs.elements) == [0, 1])
    }

    /// Inputs, states and parameters that are not small, so that a mistake would show.
    private func example(
        _ network: Network
    ) throws -> (inputs: Tensor, states: [Tensor], parameters: [Tensor]) {
        let sizes = Self.sizes
        var random = RandomSource(seed: 5, purpose: .initialization)
        func drawn(_ shape: [Int]) throws -> Tensor { try .normal(shape, from: &random) }
        return (
            try drawn([sizes.sequenceLength, sizes.batchSize, sizes.vocabularySize]),
            try network.state(batchSize: sizes.batchSize, hiddenSize: sizes.hiddenSize).map {
                try drawn($0.shape)
            },
            try network.parameters(
                vocabularySize: sizes.vocabularySize, hiddenSize: sizes.hiddenSize, seed: 1
            ).map { try drawn($0.shape) }
        )
    }
}
