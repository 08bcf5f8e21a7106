import Testing
import UnrollBase
import UnrollTensor

/// Gradients against central differences, at random places.
@Suite struct NumericGradientTests {
    /// An operation at tensors of some shapes.
    struct Case: Sendable, CustomTestStringConvertible {
        let operation: String
        let shapes: [[Int]]
        var arguments = Arguments()
        /// Where the inputs are: away from poles and kinks.
        var bounds: ClosedRange<Float> = -1.5...1.5

        var testDescription: String { "\(operation) of \(shapes)" }
    }

    static let cases: [Case] = [
        Case(operation: "matmul", shapes: [[3, 4], [4, 2]]),
        Case(operation: "matmul", shapes: [[4, 3], [4, 2]], arguments: .init(transposingA: true)),
        Case(operation: "matmul", shapes: [[2, 3, 4], [2, 4]], arguments: .init(transposingB: true)),
        Case(
            operation: "matmul", shapes: [[4, 3], [2, 4]],
            arguments: .init(transposingA: true, transposingB: true)),
        Case(operation: "+", shapes: [[2, 1, 3], [4, 1]]),
        Case(operation: "-", shapes: [[4, 1], [2, 1, 3]]),
        Case(operation: "*", shapes: [[2, 1, 3], [4, 1]]),
        Case(operation: "/", shapes: [[4, 1], [2, 1, 3]], bounds: 0.8...2),
        Case(operation: "+=", shapes: [[3, 2], [2]]),
        Case(operation: "-=", shapes: [[3, 2], [3, 1]]),
        Case(operation: "tensor + number", shapes: [[5]], arguments: .init(number: 2)),
        Case(operation: "number + tensor", shapes: [[5]], arguments: .init(number: 2)),
        Case(operation: "tensor - number", shapes: [[5]], arguments: .init(number: 2)),
        Case(operation: "number - tensor", shapes: [[5]], arguments: .init(number: 2)),
        Case(operation: "tensor * number", shapes: [[5]], arguments: .init(number: -2)),
        Case(operation: "number * tensor", shapes: [[5]], arguments: .init(number: -2)),
        Case(operation: "tensor / number", shapes: [[5]], arguments: .init(number: -2)),
        Case(operation: "number / tensor", shapes: [[5]], arguments: .init(number: -2), bounds: 0.8...2),
        Case(operation: "negation", shapes: [[2, 2]]),
        Case(operation: "tanh", shapes: [[3, 3]]),
        Case(operation: "sigmoid", shapes: [[3, 3]]),
        Case(operation: "relu", shapes: [[4]], bounds: 0.1...2),
        Case(operation: "relu", shapes: [[4]], bounds: -2...(-0.1)),
        Case(operation: "exp", shapes: [[3, 3]]),
        Case(operation: "log", shapes: [[3, 3]], bounds: 0.8...3),
        Case(operation: "sqrt", shapes: [[3, 3]], bounds: 0.8...3),
        Case(operation: "abs", shapes: [[4]], bounds: 0.1...2),
        Case(operation: "abs", shapes: [[4]], bounds: -2...(-0.1)),
        Case(operation: "softplus", shapes: [[3, 3]]),
        Case(operation: "silu", shapes: [[3, 3]]),
        Case(operation: "min", shapes: [[2, 1, 3], [4, 1]]),
        Case(operation: "max", shapes: [[4, 1], [2, 1, 3]]),
        Case(operation: "where", shapes: [[3], [2, 1], [2, 3]], bounds: 0.1...2),
        Case(operation: "greatest", shapes: [[2, 3]]),
        Case(operation: "greatest axes", shapes: [[2, 3, 4]], arguments: .init(axes: [-1, 0])),
        Case(operation: "softmax", shapes: [[3, 4]], arguments: .init(axis: 0)),
        Case(operation: "pow number", shapes: [[5]], arguments: .init(number: 2.5), bounds: 0.8...2),
        Case(operation: "pow number", shapes: [[5]], arguments: .init(number: 3)),
        Case(operation: "pow tensor", shapes: [[3, 1], [2]], bounds: 0.8...2),
        Case(operation: "sum", shapes: [[2, 3]]),
        Case(operation: "sum axes", shapes: [[2, 3, 4]], arguments: .init(axes: [-1, 0])),
        Case(operation: "mean", shapes: [[2, 3]]),
        Case(operation: "mean axes", shapes: [[2, 3, 4]], arguments: .init(keepingAxes: true, axes: [1])),
        Case(operation: "reshaped", shapes: [[2, 6]], arguments: .init(shape: [3, -1])),
        Case(operation: "transposed", shapes: [[2, 3, 4]], arguments: .init(axes: [1, 2, 0])),
        Case(operation: "sliced", shapes: [[3, 4]], arguments: .init(axis: 1, range: [1, 3])),
        Case(operation: "subscript", shapes: [[3, 4]], arguments: .init(axis: 1)),
        Case(operation: "concatenated", shapes: [[2, 1], [2, 3]], arguments: .init(axis: -1)),
        Case(operation: "stacked", shapes: [[2, 3], [2, 3]], arguments: .init(axis: 1)),
        Case(operation: "gathered", shapes: [[3, 2]], arguments: .init(indices: [2, 0, 2])),
        Case(operation: "softmaxCrossEntropy", shapes: [[2, 5]], arguments: .init(indices: [4, 1])),
        Case(
            operation: "recurrence", shapes: [[2, 2, 3], [3, 4], [4, 4], [4], [4, 5], [5]],
            arguments: .init(indices: [0, 4, 2, 1])),
        Case(operation: "reuse", shapes: [[2, 2]]),
        Case(operation: "use beside reshape", shapes: [[2, 3]]),
        Case(operation: "use beside slice", shapes: [[3, 3]]),
        Case(operation: "unused", shapes: [[2, 2], [3]]),
    ]

    @Test(arguments: cases) func gradientsAreSlopes(of example: Case) throws {
        let operation = try #require(operations[example.operation])
        var random = RandomSource(seed: 3, purpose: .initialization)
        let inputs = try example.shapes.map { try Tensor.uniform($0, in: example.bounds, from: &random) }
        // In double precision: the sum must not drown what one element changes.
        func loss(_ inputs: [Tensor]) throws -> Double {
            let value = try operation(inputs, example.arguments)
            return try zip(value.elements, weights(value.shape).elements).reduce(0) {
                $0 + Double($1.0) * Double($1.1)
            }
        }
        let (_, gradients) = try valueWithGradient(at: inputs) { inputs in
            let value = try operation(inputs, example.arguments)
            return try (value * weights(value.shape)).sum()
        }
        // A power of two, so that what is added is what is divided by; rounding and curvature cost about 1e-3.
        let step: Float = 0x1p-7
        for (place, (input, gradient)) in zip(inputs, gradients).enumerated() {
            let scale = gradient.elements.reduce(Float(1)) { max($0, abs($1)) }
            for index in 0..<input.count {
                func moved(by difference: Float) throws -> Double {
                    var elements = input.elements
                    elements[index] += difference
                    var moved = inputs
                    moved[place] = try Tensor(elements, shape: input.shape)
                    return try loss(moved)
                }
                let slope = try (moved(by: step) - moved(by: -step)) / Double(2 * step)
                #expect(
                    abs(slope - Double(gradient.elements[index])) < 2e-3 * Double(scale),
                    "input \(place), element \(index)")
            }
        }
    }

    @Test func everyOperationIsChecked() {
        // Neither indices nor what is made of them have a gradient, and detaching hides part of the slope on purpose.
        let others = ["argmax", "oneHot", "detached"]
        #expect(Set(Self.cases.map(\.operation) + others) == Set(operations.keys))
    }
}
