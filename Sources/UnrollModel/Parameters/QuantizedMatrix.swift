/// A matrix of weights in eight bits: whole numbers and, for each row, the scale that they are multiplied with.
///
/// A row is what one output sums up: a gate's unit, a token's logit, or a token's vector. Its scale is a 127th of its
/// greatest magnitude, rounded up to 17 significant bits. So every product of scale and number is exact in float32, and
/// quantizing these products gives the same numbers and scales again.
package struct QuantizedMatrix: Sendable, Equatable {
    /// What stands after the name of a matrix in the name of its scales.
    static let scaleSuffix = ".scale"

    package let name: String
    /// Rows and columns.
    package let shape: [Int]
    /// The numbers in -127...127, row by row.
    package let numbers: [Int8]
    /// The scale of each row, zero or positive.
    package let scales: [Float]

    /// Puts a matrix together; there are as many numbers and scales as the shape says.
    package init(name: String, shape: [Int], numbers: [Int8], scales: [Float]) {
        (self.name, self.shape, self.numbers, self.scales) = (name, shape, numbers, scales)
    }

    /// Rounds each weight of a matrix, two sizes in its shape, to the nearest multiple of its row's scale.
    ///
    /// - Throws: `ModelError.shapeMismatch` if there are more or fewer weights than the shape says, and `.nonFinite`.
    package init(quantizing entry: ModelParameters.Entry) throws(ModelError) {
        let (rows, columns) = (entry.shape[0], entry.shape[1])
        guard Safetensors.elementCount(of: entry.shape) == entry.values.count else {
            throw .shapeMismatch(name: entry.name, expected: entry.shape, actual: [entry.values.count])
        }
        guard entry.values.allSatisfy(\.isFinite) else { throw .nonFinite(entry.name) }
        var numbers = [Int8](repeating: 0, count: entry.values.count)
        var scales = [Float](repeating: 0, count: rows)
        for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let scale = Int8Quantization.scale(greatest: entry.values[range].reduce(0) { max($0, abs($1)) })
            for index in range {
                numbers[index] = Int8Quantization.number(entry.values[index], scale: scale)
            }
            scales[row] = scale
        }
        self.init(name: entry.name, shape: entry.shape, numbers: numbers, scales: scales)
    }

    /// The weights that the numbers stand for.
    package var entry: ModelParameters.Entry {
        let columns = shape[1]
        var values: [Float] = []
        values.reserveCapacity(numbers.count)
        for row in scales.indices {
            for number in numbers[row * columns..<(row + 1) * columns] {
                values.append(Float(number) * scales[row])
            }
        }
        return .init(name: name, shape: shape, values: values)
    }
}

/// How weights become whole numbers of eight bits.
package enum Int8Quantization {
    /// The scale of a row of weights, given the greatest of their magnitudes.
    ///
    /// Zero where it would be no normal number: such weights are zero.
    package static func scale(greatest magnitude: Float) -> Float {
        let scale = magnitude / 127
        guard scale >= .leastNormalMagnitude else { return 0 }
        return Float(bitPattern: (scale.bitPattern + 0x7F) & ~0x7F)
    }

    /// The number of a weight in a row of this scale, in -127...127; zero without a scale.
    package static func number(_ weight: Float, scale: Float) -> Int8 {
        Int8(exactly: (weight / scale).rounded(.toNearestOrEven)) ?? 0
    }
}

extension NamedTensors where Scalar == Float {
    /// The same parameters with every matrix of weights rounded to eight bits; biases and learned vectors stay.
    ///
    /// Rounding twice changes nothing.
    ///
    /// - Throws: `ModelError.nonFinite` if a weight is infinite or not a number.
    package func roundedToInt8() throws(ModelError) -> NamedTensors {
        var rounded = self
        for index in entries.indices where entries[index].shape.count == 2 {
            rounded.entries[index] = try QuantizedMatrix(quantizing: entries[index]).entry
        }
        return rounded
    }
}
