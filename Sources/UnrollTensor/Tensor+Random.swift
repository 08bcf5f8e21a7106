import UnrollBase

extension Tensor {
    /// Makes a tensor of numbers from a normal distribution.
    ///
    /// - Parameters:
    ///   - shape: The shape.
    ///   - mean: The mean.
    ///   - standardDeviation: The standard deviation.
    ///   - source: Where the randomness comes from; the same seed gives the same numbers everywhere.
    /// - Returns: The tensor.
    /// - Throws: `TensorError.invalidShape` when memory cannot hold it.
    public static func normal(
        _ shape: [Int], mean: Float = 0, standardDeviation: Float = 1, from source: inout RandomSource
    ) throws(TensorError) -> Tensor {
        let count = try Shape.count(shape)
        return try Tensor(shape: shape) { elements in
            for index in 0..<count { elements[index] = mean + standardDeviation * Float(source.normal()) }
        }
    }

    /// Makes a tensor of numbers that are uniform within bounds.
    ///
    /// - Parameters:
    ///   - shape: The shape.
    ///   - bounds: Between which numbers.
    ///   - source: Where the randomness comes from; the same seed gives the same numbers everywhere.
    /// - Returns: The tensor.
    /// - Throws: `TensorError.invalidShape` when memory cannot hold it.
    public static func uniform(
        _ shape: [Int], in bounds: ClosedRange<Float> = 0...1, from source: inout RandomSource
    ) throws(TensorError) -> Tensor {
        let count = try Shape.count(shape)
        let (lower, width) = (
            Double(bounds.lowerBound), Double(bounds.upperBound) - Double(bounds.lowerBound)
        )
        return try Tensor(shape: shape) { elements in
            for index in 0..<count { elements[index] = Float(lower + width * source.uniform()) }
        }
    }
}
