extension ProcessGroup {
    /// Collects values of every process in every process.
    ///
    /// - Parameter values: Those of this process; the others may have more or fewer.
    /// - Returns: The values of each process, by its rank.
    /// - Throws: `ClusterError`.
    package func gather<Value: BitwiseCopyable>(_ values: [Value]) throws(ClusterError) -> [[Value]] {
        let bytes = values.withUnsafeBytes { Array($0) }
        return try gather(bytes).map { bytes in
            let count = bytes.count / MemoryLayout<Value>.stride
            return [Value](unsafeUninitializedCapacity: count) { memory, initialized in
                UnsafeMutableRawBufferPointer(memory).copyBytes(
                    from: bytes.prefix(count * MemoryLayout<Value>.stride))
                initialized = count
            }
        }
    }
}
