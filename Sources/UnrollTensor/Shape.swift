/// The arithmetic of shapes.
enum Shape {
    /// How many elements a tensor of that shape has.
    ///
    /// A tensor without elements is held to the same limit: its other sizes are left when the empty axis is summed
    /// away.
    static func count(_ shape: [Int]) throws(TensorError) -> Int {
        let limit = TensorRuntime.shared.buffers.limit
        var count = 1
        var isEmpty = false
        for size in shape {
            guard size >= 0 else { throw .invalidShape(shape) }
            if size == 0 {
                isEmpty = true
                continue
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard !overflow, product <= limit else { throw .invalidShape(shape) }
            count = product
        }
        return isEmpty ? 0 : count
    }

    /// The shape that two shapes are stretched to, as NumPy does: from the last axis on, equal or 1.
    static func broadcast(_ a: [Int], _ b: [Int], operation: String) throws(TensorError) -> [Int] {
        if a == b { return a }
        let rank = max(a.count, b.count)
        var result = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let first = size(of: a, axis: axis, rank: rank)
            let second = size(of: b, axis: axis, rank: rank)
            guard first == second || first == 1 || second == 1 else {
                throw .shapeMismatch(
                    operation: operation, a, b,
                    hint: "counted from the last axis, sizes must be equal or 1")
            }
            result[axis] = first == 1 ? second : first
        }
        return result
    }

    /// The size of an axis of a shape that is filled up with ones in front to `rank` axes.
    static func size(of shape: [Int], axis: Int, rank: Int) -> Int {
        let missing = rank - shape.count
        return axis < missing ? 1 : shape[axis - missing]
    }

    /// An axis counted from the front; a negative one is counted from the back, -1 being the last.
    static func axis(_ axis: Int, of shape: [Int], operation: String) throws(TensorError) -> Int {
        let resolved = axis < 0 ? axis + shape.count : axis
        guard shape.indices.contains(resolved) else {
            throw .axisOutOfRange(operation: operation, axis: axis, shape: shape)
        }
        return resolved
    }

    /// The sizes before, at and after an axis: an array of `outer` blocks of `size` rows of `inner` elements.
    static func split(_ shape: [Int], at axis: Int) -> (outer: Int, size: Int, inner: Int) {
        (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
    }
}
