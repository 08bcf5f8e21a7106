import UnrollBase
import UnrollModel
import UnrollText

extension Minibatch {
    /// Checks sizes and token ids, so that no engine needs to while it runs.
    func check(vocabularySize: Int) throws(EngineError) {
        for (name, value) in [("the number of time steps", sequenceLength), ("the batch size", batchSize)]
        where value < 1 {
            throw .invalidSize(name: name, value: value)
        }
        let count = sequenceLength * batchSize
        for ids in [inputs, targets] {
            guard ids.count == count else {
                throw .invalidSize(name: "the count of token ids", value: ids.count)
            }
            // A negative id is a large number here, so one comparison finds both kinds.
            let greatest = ids.withUnsafeBufferPointer { ids in
                ids.reduce(UInt32(0)) { max($0, UInt32(bitPattern: $1)) }
            }
            guard greatest < UInt32(vocabularySize) else {
                throw .tokenOutOfRange(Int32(bitPattern: greatest), vocabularySize: vocabularySize)
            }
        }
    }
}

extension NamedTensors where Scalar == Float {
    /// Checks that these are the states of one batch, each `[L, B, H]`, and returns its size, 0 if there are none.
    func checkedBatchSize(for configuration: ModelConfiguration) throws(EngineError) -> Int {
        guard let first = entries.first else { return 0 }
        let batchSize = first.shape.count == 3 ? first.shape[1] : 0
        let expected = [configuration.layerCount, batchSize, configuration.hiddenSize]
        for name in configuration.cell.states {
            guard let entry = self[name] else { throw .model(.missingTensor(name)) }
            guard batchSize > 0, entry.shape == expected, entry.values.count == expected.reduce(1, *) else {
                throw .stateMismatch(expected: expected, actual: entry.shape)
            }
        }
        return batchSize
    }
}
