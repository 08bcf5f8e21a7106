import Foundation
import UnrollBase

/// How parameters get their first values; a cell's learned vectors have the one that the cell declares.
public enum WeightInitializer: String, Sendable, Codable, CaseIterable {
    /// Weights from a normal distribution of standard deviation 0.01, biases zero: Dive into Deep Learning's choice.
    case normal
    /// Everything uniform in ±1/√H: PyTorch's choice for recurrent and linear layers alike.
    ///
    /// An embedding of its own is drawn from the standard normal distribution, as PyTorch does.
    case uniform
    /// Each gate's recurrent matrix a random orthogonal one, the other weights as with `uniform`, biases zero.
    ///
    /// Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    /// networks", ICLR 2014.
    case orthogonal
}

extension NamedTensors where Scalar == Float {
    /// Draws the parameters of a new model.
    ///
    /// - Throws: `ModelError` when the cell is not well-formed or a size makes no sense.
    public init(
        for configuration: ModelConfiguration, vocabularySize: Int, initializer: WeightInitializer = .normal,
        seed: UInt64
    ) throws {
        try configuration.check()
        guard (1...Int(Int32.max)).contains(vocabularySize) else {
            throw ParameterError.outOfRange(
                parameter: "vocabularySize", value: "\(vocabularySize)", allowed: "in 1...\(Int32.max)")
        }
        let hiddenSize = configuration.hiddenSize
        let bound = 1 / Double(max(hiddenSize, 1)).squareRoot()
        let shapes = configuration.parameterShapes(vocabularySize: vocabularySize)
        let initialValues = Dictionary(
            uniqueKeysWithValues: configuration.vectors.map { ($0.name, Float($0.initialValue)) })
        // Those that are drawn: a learned vector does not change what the others are.
        var index: UInt32 = 0
        self.init(
            shapes.map { parameter in
                let count = parameter.shape.reduce(1, *)
                if let value = initialValues[parameter.name] {
                    return Entry(
                        name: parameter.name, shape: parameter.shape,
                        values: [Float](repeating: value, count: count))
                }
                var source = RandomSource(seed: seed, purpose: .initialization, index: index)
                index += 1
                let isBias = parameter.shape.count == 1
                // As the decoder's weights, tied ones must begin small.
                let isOwnEmbedding = parameter.name == "embedding.weight" && !configuration.tiesWeights
                let staysZero = configuration.hasSingleBias && parameter.name.hasPrefix("rnn.bias_hh")
                let values: [Float] =
                    switch initializer {
                    case _ where staysZero: [Float](repeating: 0, count: count)
                    case .normal where !isBias: (0..<count).map { _ in Float(0.01 * source.normal()) }
                    case .uniform where isOwnEmbedding, .orthogonal where isOwnEmbedding:
                        (0..<count).map { _ in Float(source.normal()) }
                    case .orthogonal where parameter.name.hasPrefix("rnn.weight_hh"):
                        configuration.cell.gates.flatMap { _ in source.orthogonalMatrix(size: hiddenSize) }
                    case .uniform: (0..<count).map { _ in Float(bound * (2 * source.uniform() - 1)) }
                    case .orthogonal where !isBias:
                        (0..<count).map { _ in Float(bound * (2 * source.uniform() - 1)) }
                    case .normal, .orthogonal: [Float](repeating: 0, count: count)
                    }
                return Entry(name: parameter.name, shape: parameter.shape, values: values)
            })
    }
}

extension RandomSource {
    /// Returns a random orthogonal matrix, row-major: normal rows made orthonormal one after the other.
    mutating func orthogonalMatrix(size: Int) -> [Float] {
        var rows: [[Double]] = []
        while rows.count < size {
            var row = (0..<size).map { _ in normal() }
            // Twice is enough: the second pass removes what rounding left of the earlier rows.
            for _ in 0..<2 {
                for earlier in rows {
                    let overlap = zip(row, earlier).reduce(0) { $0 + $1.0 * $1.1 }
                    for column in row.indices { row[column] -= overlap * earlier[column] }
                }
                let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
                for column in row.indices { row[column] /= length }
            }
            rows.append(row)
        }
        return rows.flatMap { $0.map(Float.init) }
    }
}
