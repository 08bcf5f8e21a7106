import Testing
import UnrollBase
import UnrollTensor

@Suite struct IndexingTests {
    /// Multiplying with one-hot vectors is choosing rows, so it may be done without the product.
    @Test func oneHotTimesMatrixIsGathering() throws {
        var random = RandomSource(seed: 1, purpose: .initialization)
        for (classes, width, rows) in [(1, 1, 1), (28, 33, 70), (7, 65, 5), (100, 31, 1), (5, 4, 0)] {
            let table = try Tensor.normal([classes, width], from: &random)
            let weights = try Tensor.normal([rows, width], from: &random)
            let ids = (0..<rows).map { _ in Int32(random.integer(below: classes)) }
            let product = try valueWithGradient(at: table) {
                try (matmul(oneHot(ids, classes: classes), $0) * weights).sum()
            }
            let gathering = try valueWithGradient(at: table) { try ($0.gathered(ids) * weights).sum() }
            #expect(try matmul(oneHot(ids, classes: classes), table) == table.gathered(ids))
            #expect(product.value == gathering.value)
            #expect(product.gradient.shape == gathering.gradient.shape)
            for (a, b) in zip(product.gradient.elements, gathering.gradient.elements) {
                #expect(abs(a - b) <= 1e-5 * max(1, abs(b)))
            }
        }
    }
}
