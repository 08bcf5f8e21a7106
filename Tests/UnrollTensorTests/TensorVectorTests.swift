import Foundation
import Testing
import UnrollTensor

/// Every operation against PyTorch, value and gradients: only another implementation sees a wrong formula.
///
/// Numbers agree within 1e-5 of themselves, or of the greatest finite number of their tensor where that is more.
@Suite struct TensorVectorTests {
    @Test func operationsAgreeWithPyTorch() throws {
        for (file, vectors) in try TensorVector.all() {
            for (index, vector) in vectors.enumerated() {
                let name = "\(file), line \(index + 2): \(vector.operation) of \(vector.inputs.map(\.shape))"
                let operation = try #require(operations[vector.operation], "\(name)")
                let inputs = try vector.inputs.map { try $0.tensor }
                var value: Tensor?
                let (_, gradients) = try valueWithGradient(at: inputs) { inputs in
                    let result = try operation(inputs, vector.arguments)
                    value = result.detached()
                    return try (result * weights(result.shape)).sum()
                }
                expect(try #require(value), toBe: vector.value, "\(name)")
                #expect(gradients.count == vector.gradients.count)
                for (place, (gradient, expected)) in zip(gradients, vector.gradients).enumerated() {
                    expect(gradient, toBe: expected, "\(name), gradient \(place)")
                }
                // What is not differentiated takes no other way.
                #expect(
                    try operation(inputs, vector.arguments).elements.map(\.bitPattern)
                        == value?.elements.map(\.bitPattern), "\(name)")
            }
        }
    }

    @Test func everyOperationHasVectorsAndEveryVectorAnOperation() throws {
        let files = try TensorVector.all()
        #expect(files.count == 8)
        let names = files.flatMap { $0.vectors.map(\.operation) }
        #expect(Set(names) == Set(operations.keys))
        #expect(names.count > 500)
    }

    private func expect(_ tensor: Tensor, toBe expected: TensorVector.Numbers, _ name: String) {
        #expect(tensor.shape == expected.shape, "\(name)")
        guard tensor.count == expected.elements.count else { return }
        let scale = expected.elements.reduce(Float(0)) { $1.isFinite ? max($0, abs($1)) : $0 }
        for (index, (a, b)) in zip(tensor.elements, expected.elements).enumerated()
        where !(a == b || (a.isNaN && b.isNaN) || abs(a - b) <= 1e-5 * scale) {
            Issue.record("\(name): element \(index) is \(a), not \(b)")
            return
        }
    }
}
