extension Sequence<Double> {
    /// The value in the middle, or the mean of the two there; nil for no values.
    package var median: Double? {
        let sorted = sorted()
        guard !sorted.isEmpty else { return nil }
        let middle = sorted.count / 2
        // Halves first, as the sum of two large numbers may be infinite.
        return sorted.count.isMultiple(of: 2) ? sorted[middle - 1] / 2 + sorted[middle] / 2 : sorted[middle]
    }
}
