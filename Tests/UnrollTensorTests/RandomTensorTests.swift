import Testing
import UnrollBase
import UnrollTensor

@Suite struct RandomTensorTests {
    private func source(_ seed: UInt64) -> RandomSource { RandomSource(seed: seed, purpose: .initialization) }

    @Test func aSeedDecidesEveryBit() throws {
        var (first, second, other) = (source(1), source(1), source(2))
        let (a, b, c) = (
            try Tensor.normal([33, 7], from: &first), try Tensor.normal([33, 7], from: &second),
            try Tensor.normal([33, 7], from: &other)
        )
        #expect(a == b)
        #expect(a != c)
        #expect(first == second)
        #expect(try Tensor.uniform([5, 9], from: &first) == Tensor.uniform([5, 9], from: &second))
        // The shape only says how the numbers are arranged, and the source goes on where it stood.
        var third = source(1)
        #expect(try Tensor.normal([231], from: &third).elements == a.elements)
        #expect(try Tensor.normal([33, 7], from: &third) != a)
    }

    @Test func normalNumbersHaveTheirMoments() throws {
        var random = source(5)
        let count = 100_000
        let standard = try Tensor.normal([count], from: &random)
        let scaled = try Tensor.normal([count], mean: 3, standardDeviation: 0.01, from: &random)
        // Five standard errors.
        let error = 5 / Float(count).squareRoot()
        #expect(try abs(standard.mean().scalar()) < error)
        #expect(try abs((standard * standard).mean().scalar() - 1) < error * 1.5)
        #expect(try abs(pow(standard, 3).mean().scalar()) < error * 4)
        #expect(try abs(scaled.mean().scalar() - 3) < error * 0.01 + 1e-6)
        let centered = scaled - 3
        #expect(try abs((centered * centered).mean().scalar() / 1e-4 - 1) < error * 1.5)
        #expect(
            try Tensor.normal([4], mean: 2, standardDeviation: 0, from: &random).elements == [2, 2, 2, 2])
    }

    @Test func uniformNumbersFillTheirBounds() throws {
        var random = source(6)
        let count = 100_000
        for bounds: ClosedRange<Float> in [0...1, -0.5...0.25, 3...3] {
            let numbers = try Tensor.uniform([count], in: bounds, from: &random)
            #expect(numbers.elements.allSatisfy(bounds.contains))
            let width = bounds.upperBound - bounds.lowerBound
            let middle = (bounds.upperBound + bounds.lowerBound) / 2
            #expect(
                try abs(numbers.mean().scalar() - middle) <= 5 * width / 12 / Float(count).squareRoot() * 4)
            let centered = numbers - middle
            #expect(
                try abs((centered * centered).mean().scalar() - width * width / 12) <= width * width * 1e-3)
        }
        #expect(try Tensor.uniform([0, 3], from: &random).count == 0)
        #expect(try Tensor.normal([], from: &random).shape == [])
        #expect(throws: TensorError.invalidShape([-2])) { try Tensor.normal([-2], from: &random) }
        #expect(throws: TensorError.invalidShape([1 << 40])) { try Tensor.uniform([1 << 40], from: &random) }
    }
}
