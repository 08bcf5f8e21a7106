import Testing
import UnrollTensor

@Suite struct TapeTests {
    /// One operation after the other: no recursion, neither on the way back nor when the tape is released.
    @Test func aLongChainNeedsNoStack() throws {
        let (value, gradient) = try valueWithGradient(at: Tensor(0.5)) { x in
            var y = x
            for _ in 0..<100_000 { y = try y + x }
            return y
        }
        #expect(try value.scalar() == 50_000.5)
        #expect(try gradient.scalar() == 100_001)
    }
}
