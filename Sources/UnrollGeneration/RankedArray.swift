extension Array {
    /// Inserts an element into an array in which the greatest come first, of which so many are kept.
    ///
    /// Of equal elements the one that came first stays first.
    mutating func insert(_ element: Element, keeping count: Int, by rank: (Element) -> Double) {
        let value = rank(element)
        if self.count >= count {
            guard let last, rank(last) < value else { return }
            removeLast()
        }
        var (low, high) = (0, self.count)
        while low < high {
            let middle = (low + high) / 2
            if rank(self[middle]) >= value { low = middle + 1 } else { high = middle }
        }
        insert(element, at: low)
    }
}
