/// What all processes do together, made of messages. All of them must call the same functions in the same order.
///
/// If one of them throws `ClusterError.tooLong`, others may wait for it: it is to end the group, as after any other error.
extension ProcessGroup {
    /// Gives the bytes of one process to all.
    ///
    /// - Parameters:
    ///   - bytes: What to give, at most 2 GiB; of the other processes it does not count.
    ///   - root: The process that gives.
    /// - Returns: The bytes of `root`.
    /// - Throws: `ClusterError`, among them `.tooLong` and `.noSuchProcess`.
    package func broadcast(_ bytes: [UInt8], from root: Int = 0) throws(ClusterError) -> [UInt8] {
        guard (0..<size).contains(root) else { throw .noSuchProcess(process: root, size: size) }
        var length = [UInt64(bytes.count)]
        try spread(&length, from: root)
        let count = try checkedCount(length)
        var result = rank == root ? bytes : [UInt8](repeating: 0, count: count)
        try spread(&result, from: root)
        return result
    }

    /// Gives the bytes of each process to number 0.
    ///
    /// - Parameter bytes: Those of this process; all together are at most 2 GiB.
    /// - Returns: The bytes of each process, by rank; nil except in number 0.
    /// - Throws: `ClusterError`, among them `.tooLong`.
    package func gatherToFirst(_ bytes: [UInt8]) throws(ClusterError) -> [[UInt8]]? {
        // Each process collects those of the ranks from its own on, twice as many each round, until it hands them over.
        var (lengths, collected) = ([UInt64(bytes.count)], bytes)
        var distance = 1
        while distance < size {
            if rank & distance != 0 {
                try hand(&lengths, to: rank - distance)
                _ = try checkedCount(lengths)
                try hand(&collected, to: rank - distance)
                return nil
            }
            if rank + distance < size {
                // Ranks are below 2 to the 31st, so that nothing here overflows.
                let count = min(distance, size - rank - distance)
                var others = [UInt64](repeating: 0, count: count)
                try take(&others, from: rank + distance)
                lengths += others
                let total = try checkedCount(lengths)
                var more = [UInt8](repeating: 0, count: total - collected.count)
                try take(&more, from: rank + distance)
                collected += more
            }
            distance *= 2
        }
        return Self.split(collected, lengths)
    }

    /// Gives the bytes of each process to all.
    ///
    /// - Parameter bytes: Those of this process; all together are at most 2 GiB.
    /// - Returns: The bytes of each process, by rank.
    /// - Throws: `ClusterError`, among them `.tooLong`.
    package func gather(_ bytes: [UInt8]) throws(ClusterError) -> [[UInt8]] {
        let parts = try gatherToFirst(bytes)
        var lengths = parts?.map { UInt64($0.count) } ?? [UInt64](repeating: 0, count: size)
        try spread(&lengths, from: 0)
        let total = try checkedCount(lengths)
        var all = parts.map { Array($0.joined()) } ?? [UInt8](repeating: 0, count: total)
        try spread(&all, from: 0)
        return Self.split(all, lengths)
    }

    /// Waits until all processes have come here.
    ///
    /// Each tells ever farther ones that it and all that it has heard of are here (Hensgen, Finkel and Manber 1988, "Two
    /// algorithms for barrier synchronization").
    package func barrier() throws(ClusterError) {
        var distance = 1
        while distance < size {
            let empty = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            try exchange([
                Transfer(.send, (rank + distance) % size, empty),
                Transfer(.receive, (rank + size - distance) % size, empty),
            ])
            distance *= 2
        }
    }

    /// Gives memory of one process to all, where it is as long, over a binomial tree.
    private func spread<Element: BitwiseCopyable>(
        _ values: inout [Element], from root: Int
    ) throws(ClusterError) {
        let place = (rank + size - root) % size
        var distance = 1
        while distance < size {
            if place < distance, place + distance < size {
                try hand(&values, to: (rank + distance) % size)
            } else if (distance..<2 * distance).contains(place) {
                try take(&values, from: (rank + size - distance) % size)
            }
            distance *= 2
        }
    }

    private func hand<Element: BitwiseCopyable>(_ values: inout [Element], to peer: Int) throws(ClusterError)
    {
        try values.withUnsafeMutableBufferPointer { buffer throws(ClusterError) in
            try exchange([Transfer(.send, peer, UnsafeMutableRawBufferPointer(buffer))])
        }
    }

    private func take<Element: BitwiseCopyable>(_ values: inout [Element], from peer: Int)
        throws(ClusterError)
    {
        try values.withUnsafeMutableBufferPointer { buffer throws(ClusterError) in
            try exchange([Transfer(.receive, peer, UnsafeMutableRawBufferPointer(buffer))])
        }
    }

    /// The sum of lengths, if so much may be given to all.
    private func checkedCount(_ lengths: [UInt64]) throws(ClusterError) -> Int {
        let maximum = Int(Int32.max)
        var total: UInt64 = 0
        for length in lengths {
            let (sum, overflows) = total.addingReportingOverflow(length)
            total = overflows ? .max : sum
        }
        guard total <= UInt64(maximum) else { throw .tooLong(bytes: total, maximum: maximum) }
        return Int(total)
    }

    private static func split(_ bytes: [UInt8], _ lengths: [UInt64]) -> [[UInt8]] {
        var rest = bytes[...]
        return lengths.map { length in
            defer { rest = rest.dropFirst(Int(length)) }
            return Array(rest.prefix(Int(length)))
        }
    }
}
