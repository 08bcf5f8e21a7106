import Chapter
import Testing
import Unroll

/// Rows of a matrix in place of one-hot vectors times that matrix.
@Suite struct EmbeddingTests {
    static let sizes = (sequenceLength: 5, batchSize: 3, vocabularySize: 7, hiddenSize: 4, embeddingSize: 6)

    @Test func rowsAreTheProduct() throws {
        let indices = try minibatch.inputs
        let table = try drawn([7, 6], seed: 1)
        let weights = try drawn([indices.count, 6], seed: 2)
        let (gatheredSum, gatheredGradient) = try valueWithGradient(at: table) {
            try ($0.gathered(indices) * weights).sum()
        }
        let (productSum, productGradient) = try valueWithGradient(at: table) {
            try (matmul(oneHot(indices, classes: 7), $0) * weights).sum()
        }
        #expect(try table.gathered(indices) == matmul(oneHot(indices, classes: 7), table))
        #expect(gatheredSum == productSum)
        #expect(greatestDifference(gatheredGradient, productGradient) < 1e-6)
    }

    /// The chapter's network reads vectors, and does not mind where they are from.
    @Test(arguments: Network.allCases) func networkReadsAnEmbedding(network: Network) throws {
        let (minibatch, sizes) = (try minibatch, Self.sizes)
        let states = try network.state(batchSize: sizes.batchSize, hiddenSize: sizes.hiddenSize)
        let table = try drawn([sizes.vocabularySize, sizes.embeddingSize], seed: 1)
        // W_xh has a row for each number of an embedding, no longer for each token.
        let parameters = try network.parameters(
            vocabularySize: sizes.vocabularySize, hiddenSize: sizes.hiddenSize, seed: 1
        ).enumerated().map { index, tensor in
            let isInput = tensor.shape == [sizes.vocabularySize, sizes.hiddenSize]
            return try drawn(
                isInput ? [sizes.embeddingSize, sizes.hiddenSize] : tensor.shape, seed: UInt64(index) + 2)
        }
        func evaluate(
            _ embed: @escaping (_ table: Tensor) throws -> Tensor
        ) throws -> (outputs: Tensor, gradients: [Tensor]) {
            var outputs = table
            let (_, gradients) = try valueWithGradient(at: [table] + parameters) { variables in
                let result = try network.forward(embed(variables[0]), states, Array(variables.dropFirst()))
                outputs = result.outputs.detached()
                return try softmaxCrossEntropy(result.outputs, minibatch.targets).mean()
            }
            return (outputs, gradients)
        }
        let rows = try evaluate {
            try $0.gathered(minibatch.inputs)
                .reshaped(to: [sizes.sequenceLength, sizes.batchSize, sizes.embeddingSize])
        }
        let product = try evaluate {
            try matmul(oneHotInputs(minibatch, vocabularySize: sizes.vocabularySize), $0)
        }
        #expect(rows.outputs.shape == [sizes.sequenceLength * sizes.batchSize, sizes.vocabularySize])
        #expect(greatestDifference(rows.outputs, product.outputs) < 1e-6)
        for (index, (one, other)) in zip(rows.gradients, product.gradients).enumerated() {
            #expect(greatestDifference(one, other) < 1e-6, "tensor \(index)")
        }
        // Only what occurs is learned.
        let squares = try (rows.gradients[0] * rows.gradients[0]).sum(axes: [1]).elements
        for (token, square) in squares.enumerated() {
            #expect((square > 0) == minibatch.inputs.contains(Int32(token)), "token \(token)")
        }
    }

    /// Tokens repeat within a step and between steps, and 5 never occurs.
    private var minibatch: Minibatch {
        get throws {
            var minibatch = Minibatch()
            minibatch.reshape(sequenceLength: 5, batchSize: 3, continuesState: false)
            minibatch.inputs = [0, 1, 1, 3, 3, 3, 6, 2, 4, 0, 6, 1, 2, 2, 4]
            minibatch.targets = [3, 3, 3, 6, 2, 4, 0, 6, 1, 2, 2, 4, 5, 1, 0]
            return minibatch
        }
    }

    private func drawn(_ shape: [Int], seed: UInt64) throws -> Tensor {
        var random = RandomSource(seed: seed, purpose: .initialization)
        return try .normal(shape, from: &random)
    }
}
