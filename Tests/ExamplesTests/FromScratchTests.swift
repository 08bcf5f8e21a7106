import Chapter
import Testing
import Unroll

@Suite struct FromScratchTests {
    @Test func initialStateIsZero() throws {
        #expect(try rnnState(batchSize: 2, hiddenSize: 3)[0] == Tensor.zeros([2, 3]))
    }
}
