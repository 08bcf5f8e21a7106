import Foundation
import Synchronization
import Testing
import UnrollBase
import UnrollTensor

/// One task has the threads and the others work on their own, so both ways are compared here.
@Suite struct ConcurrencyTests {
    /// Results of all kinds, each large enough to be shared out among threads.
    private static func results(_ x: Tensor, _ w: Tensor) throws -> [Tensor] {
        let targets = (0..<x.shape[0]).map { Int32($0 % w.shape[1]) }
        let (value, gradients) = try valueWithGradient(at: [x, w]) {
            try softmaxCrossEntropy(tanh(matmul($0[0], $0[1])), targets).mean()
        }
        return try [
            value, matmul(x, w, transposingB: true), matmul(x, x, transposingA: true), x + w[0], sigmoid(x),
            x.sum(), x.sum(axes: [0]), x.sum(axes: [1]), x.transposed(),
            x.reshaped(to: [7, 43, -1]).sum(axes: [1]),
            softmaxCrossEntropy(x, targets),
        ] + gradients
    }

    private static func bits(_ tensors: [Tensor]) -> [[UInt32]] {
        tensors.map { $0.elements.map(\.bitPattern) }
    }

    @Test func manyTasksGetTheBitsOfOne() throws {
        var random = RandomSource(seed: 8, purpose: .initialization)
        let x = try Tensor.normal([301, 257], from: &random)
        let elements = try Tensor.normal([257, 257], from: &random).elements
        let expected = Self.bits(try Self.results(x, Tensor(elements, shape: [257, 257])))
        // A tensor that nobody has multiplied with yet: all tasks want its panels at once.
        let w = try Tensor(elements, shape: [257, 257])
        let outcomes = Mutex<[Bool]>([])
        DispatchQueue.concurrentPerform(iterations: 12) { _ in
            let isEqual = (try? Self.results(x, w)).map(Self.bits) == expected
            outcomes.withLock { $0.append(isEqual) }
        }
        #expect(outcomes.withLock { $0 } == [Bool](repeating: true, count: 12))
    }

    @Test func oneFunctionMayUseManyTasks() throws {
        let x = try Tensor([1, 2, 3], shape: [3])
        let (value, gradient) = try valueWithGradient(at: x) { x in
            let parts = Mutex<[Tensor]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                if let part = try? (x * x).sum() { parts.withLock { $0.append(part) } }
            }
            return try stacked(parts.withLock { $0 }).sum()
        }
        #expect(try value.scalar() == 8 * 14)
        #expect(gradient.elements == [16, 32, 48])
    }
}
