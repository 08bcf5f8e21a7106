import UnrollKernels
import UnrollModel

/// What the products of the reference engine multiply.
///
/// In int8 a product is the sum of products of whole numbers, times two scales. That is the product of what numbers and
/// scales stand for, which is exact in double precision: so weights and vectors are rounded, and nothing else changes.
enum ReferenceOperands {
    case exact
    case int8

    init(_ precision: Precision) {
        self = precision == .int8 ? .int8 : .exact
    }

    /// The weights as they are multiplied.
    func callAsFunction(_ parameters: ModelParameters) throws(ModelError) -> ModelParameters {
        self == .int8 ? try parameters.roundedToInt8() : parameters
    }

    /// What a layer reads as it is multiplied; a token chooses weights and is not.
    func callAsFunction(_ input: LayerInput) -> LayerInput {
        if case .vector(let vector) = input { .vector(self(vector)) } else { input }
    }

    /// A vector as it is multiplied.
    ///
    /// In int8, multiples of a 127th of the greatest magnitude, all in single precision; zeros where that is no normal
    /// number, and not numbers where the vector is not finite.
    func callAsFunction(_ vector: [Double]) -> [Double] {
        guard self == .int8 else { return vector }
        let numbers = vector.map(Float.init)
        guard numbers.allSatisfy(\.isFinite) else { return vector.map { _ in .nan } }
        let greatest = numbers.reduce(0) { max($0, abs($1)) }
        let scale = greatest / 127
        guard scale >= .leastNormalMagnitude else { return vector.map { _ in 0 } }
        let inverse = 127 / greatest
        return numbers.map { Double(($0 * inverse).rounded(.toNearestOrEven)) * Double(scale) }
    }
}
