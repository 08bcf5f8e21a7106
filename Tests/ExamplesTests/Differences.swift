import Unroll

/// The greatest absolute difference of corresponding elements; infinite where the counts differ.
func greatestDifference(_ a: [Double], _ b: [Double]) -> Double {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}

/// The same for tensors; infinite where the shapes differ.
func greatestDifference(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return greatestDifference(a.elements.map(Double.init), b.elements.map(Double.init))
}
