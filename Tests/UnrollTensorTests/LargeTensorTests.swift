import Testing
import UnrollBase
import UnrollTensor

/// Sizes beyond the blocks that products and sums are cut into, against plain loops in double precision.
///
/// Vectors in files would be too large.
@Suite struct LargeTensorTests {
    private func normal(_ shape: [Int], _ index: UInt32) throws -> Tensor {
        var random = RandomSource(seed: 2, purpose: .initialization, index: index)
        return try .normal(shape, from: &random)
    }

    private func product(_ a: Tensor, _ b: Tensor) -> [Double] {
        let (x, y) = (a.elements.map(Double.init), b.elements.map(Double.init))
        let (rows, inner, columns) = (a.shape[0], a.shape[1], b.shape[1])
        var result = [Double](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for k in 0..<inner {
                for column in 0..<columns {
                    result[row * columns + column] += x[row * inner + k] * y[k * columns + column]
                }
            }
        }
        return result
    }

    private func greatestDifference(_ tensor: Tensor, _ expected: [Double]) -> Double {
        guard tensor.count == expected.count else { return .infinity }
        return zip(tensor.elements, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    }

    @Test(arguments: [false, true], [false, true]) func longInnerProducts(a: Bool, b: Bool) throws {
        let (x, y) = (try normal([9, 2053], 1), try normal([2053, 35], 2))
        let value = try matmul(
            a ? x.transposed() : x, b ? y.transposed() : y, transposingA: a, transposingB: b)
        #expect(value.shape == [9, 35])
        #expect(greatestDifference(value, product(x, y)) < 1e-3)
    }

    /// The second product is added to the first, over a sum as long as there are rows.
    @Test func gradientsOfManyRowsAddUp() throws {
        let (x, y, w) = (try normal([1100, 7], 1), try normal([2053, 7], 2), try normal([7, 33], 3))
        let (first, second) = (try normal([1100, 33], 4), try normal([2053, 33], 5))
        let gradient = try valueWithGradient(at: w) {
            try (matmul(x, $0) * first).sum() + (matmul(y, $0) * second).sum()
        }.gradient
        let expected = try zip(
            product(x.transposed(), first), product(y.transposed(), second)
        ).map { $0 + $1 }
        #expect(greatestDifference(gradient, expected) < 1e-3)
    }

    @Test(arguments: [[1000, 300], [3, 1000, 37], [100_003], [5, 60_001], [600, 2, 301]])
    func sumsOfManyTerms(shape: [Int]) throws {
        // No term is small, so that nothing that is left out goes unseen.
        let x = try normal(shape, 1) * 0.1 + 1
        let elements = x.elements.map(Double.init)
        let total = elements.reduce(0, +)
        #expect(try abs(Double(x.sum().scalar()) / total - 1) < 1e-6)
        #expect(try abs(Double(x.mean().scalar()) * Double(x.count) / total - 1) < 1e-6)
        for axis in shape.indices {
            let (size, inner) = (shape[axis], shape[(axis + 1)...].reduce(1, *))
            var expected = [Double](repeating: 0, count: x.count / size)
            for (index, element) in elements.enumerated() {
                expected[index / (size * inner) * inner + index % inner] += element
            }
            #expect(
                try greatestDifference(x.sum(axes: [axis]), expected) / Double(size) < 1e-6, "axis \(axis)")
        }
    }

    @Test func manyBlocksArePermuted() throws {
        let shape = [70, 3, 41, 37]
        let x = try Tensor((0..<shape.reduce(1, *)).map(Float.init), shape: shape)
        let permuted = try x.transposed(axes: [2, 0, 3, 1])
        #expect(permuted.shape == [41, 70, 37, 3])
        #expect(try permuted.transposed(axes: [1, 3, 0, 2]) == x)
        #expect(try permuted[11][5][36][2].scalar() == x[5][2][11][36].scalar())
    }
}
