/// A binary heap, from which the greatest element comes first (Williams: "Algorithm 232: heapsort", 1964).
struct PriorityQueue<Element: Comparable> {
    private var elements: [Element] = []

    var greatest: Element? { elements.first }

    mutating func insert(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0, elements[(child - 1) / 2] < elements[child] {
            elements.swapAt((child - 1) / 2, child)
            child = (child - 1) / 2
        }
    }

    mutating func removeGreatest() -> Element? {
        guard let last = elements.popLast(), let greatest = elements.first else { return elements.popLast() }
        elements[0] = last
        var parent = 0
        while true {
            let children = (2 * parent + 1)...(2 * parent + 2)
            guard
                let child = children.filter(elements.indices.contains).max(by: { elements[$0] < elements[$1] }
                ),
                elements[parent] < elements[child]
            else { return greatest }
            elements.swapAt(parent, child)
            parent = child
        }
    }
}
