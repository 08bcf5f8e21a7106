import Testing
import UnrollBase
import UnrollText

@Suite struct MinibatchTests {
    @Test func reshapingToNoLargerSizeKeepsTheBuffers() {
        var minibatch = Minibatch()
        minibatch.reshape(sequenceLength: 3, batchSize: 4, continuesState: false)
        #expect(minibatch.tokenCount == 12)
        let before = minibatch.inputs.withUnsafeBufferPointer { $0.baseAddress }
        minibatch.reshape(sequenceLength: 4, batchSize: 3, continuesState: true)
        #expect(minibatch.inputs.withUnsafeBufferPointer { $0.baseAddress } == before)
        minibatch.reshape(sequenceLength: 2, batchSize: 3, continuesState: true)
        #expect(minibatch.inputs.count == 6 && minibatch.targets.count == 6)
        minibatch.reshape(sequenceLength: 4, batchSize: 3, continuesState: true)
        #expect(minibatch.inputs.withUnsafeBufferPointer { $0.baseAddress } == before)
        #expect(minibatch.sequenceLength == 4 && minibatch.batchSize == 3 && minibatch.continuesState)
    }
}
