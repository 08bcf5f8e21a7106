/// Vectors with a single 1 each: row `i` has it at `indices[i]`.
///
/// - Parameters:
///   - indices: Where the ones are.
///   - classes: The length of each vector.
/// - Returns: `[indices.count, classes]`.
/// - Throws: `TensorError.indexOutOfRange` for an index outside `0 ..< classes`.
public func oneHot(_ indices: [Int32], classes: Int) throws(TensorError) -> Tensor {
    let shape = [indices.count, classes]
    _ = try Shape.count(shape)
    try check(indices, count: classes, operation: "oneHot")
    return try Tensor(shape: shape) { elements in
        elements.update(repeating: 0, count: indices.count * classes)
        for (row, index) in indices.enumerated() { elements[row * classes + Int(index)] = 1 }
    }
}

extension Tensor {
    /// The rows at some indices along the first axis: of `[V, E]`, an embedding of `V` tokens, `[indices.count, E]`.
    ///
    /// It is what multiplying one-hot vectors with the matrix would give, gradient included, without the product.
    ///
    /// - Throws: `TensorError.indexOutOfRange` for an index that there is no row for.
    public func gathered(_ indices: [Int32]) throws(TensorError) -> Tensor {
        _ = try Shape.axis(0, of: shape, operation: "gathered")
        try check(indices, count: shape[0], operation: "gathered")
        let width = shape.dropFirst().reduce(1, *)
        let rows = try Tensor(shape: [indices.count] + shape.dropFirst()) { elements in
            for (row, index) in indices.enumerated() {
                (elements + row * width).update(from: storage.base + Int(index) * width, count: width)
            }
        }
        return rows.recorded(
            from: (self, { $1.addRows(of: $0, width: width) { Int(indices[$0]) * width } }))
    }
}

/// Throws for the first index outside `0 ..< count`.
func check(_ indices: [Int32], count: Int, operation: String) throws(TensorError) {
    for index in indices where index < 0 || index >= count {
        throw .indexOutOfRange(operation: operation, index: Int(index), count: count)
    }
}
