import CUnrollKernels

extension Tensor {
    /// The same numbers under another shape.
    ///
    /// - Parameter shape: The new shape; one size may be -1, which stands for whatever is left.
    /// - Returns: A tensor that shares this one's memory.
    /// - Throws: `TensorError.shapeMismatch` when it would have another number of elements.
    public func reshaped(to shape: [Int]) throws(TensorError) -> Tensor {
        let original = self.shape
        let mismatch = TensorError.shapeMismatch(
            operation: "reshaped", original, shape, hint: "both must have the same number of elements")
        var target = shape
        if let open = shape.firstIndex(of: -1) {
            target[open] = 1
            let rest = try Shape.count(target)
            guard rest > 0, count % rest == 0 else { throw mismatch }
            target[open] = count / rest
        }
        guard try Shape.count(target) == count else { throw mismatch }
        return Tensor(shape: target, storage: storage).recorded(
            from: (self, { $1.add(Tensor(shape: original, storage: $0.storage)) }))
    }

    /// The same numbers with axes in another order.
    ///
    /// Default: all reversed, which transposes a matrix.
    ///
    /// - Parameter axes: For each axis of the result, which of this tensor's it is; negative ones count from the back.
    /// - Returns: The reordered tensor.
    /// - Throws: `TensorError.unsuitableShape` when that is no permutation of the axes.
    public func transposed(axes: [Int]? = nil) throws(TensorError) -> Tensor {
        var order = Array(shape.indices.reversed())
        if let axes {
            order = []
            for axis in axes { order.append(try Shape.axis(axis, of: shape, operation: "transposed")) }
        }
        guard order.sorted() == Array(shape.indices) else {
            throw .unsuitableShape(
                operation: "transposed", shape: shape, needed: "one with just the axes \(order) in some order"
            )
        }
        var inverse = order
        for (position, axis) in order.enumerated() { inverse[axis] = position }
        return permuted(order).recorded(from: (self, { [inverse] in $1.add($0.permuted(inverse)) }))
    }

    /// Part of the tensor: what a range of indices along an axis selects.
    ///
    /// - Throws: `TensorError.axisOutOfRange` or `TensorError.indexOutOfRange`.
    public func sliced(_ range: Range<Int>, axis: Int = 0) throws(TensorError) -> Tensor {
        let axis = try Shape.axis(axis, of: shape, operation: "sliced")
        for bound in [range.lowerBound, range.upperBound] where !(0...shape[axis]).contains(bound) {
            throw .indexOutOfRange(operation: "sliced", index: bound, count: shape[axis] + 1)
        }
        var result = shape
        result[axis] = range.count
        return slice(range, axis: axis, as: result)
    }

    /// One element along the first axis, which the result lacks: `x[t]` of `[T, B, H]` is `[B, H]`.
    ///
    /// Throws `TensorError.indexOutOfRange`, or `TensorError.axisOutOfRange` for a scalar.
    public subscript(index: Int) -> Tensor {
        get throws(TensorError) {
            _ = try Shape.axis(0, of: shape, operation: "subscript")
            guard shape[0] > index, index >= 0 else {
                throw .indexOutOfRange(operation: "subscript", index: index, count: shape[0])
            }
            return slice(index..<index + 1, axis: 0, as: Array(shape.dropFirst()))
        }
    }

    private func slice(_ range: Range<Int>, axis: Int, as result: [Int]) -> Tensor {
        let (outer, size, inner) = Shape.split(shape, at: axis)
        let (offset, width) = (range.lowerBound * inner, range.count * inner)
        let part = Tensor(computing: result) {
            TensorRuntime.shared.kernels.copy(storage.base + offset, size * inner, $0, width, outer, width)
        }
        return part.recorded(
            from: (self, { $1.addRows(of: $0, width: width) { $0 * size * inner + offset } }))
    }

    private func permuted(_ order: [Int]) -> Tensor {
        let target = order.map { shape[$0] }
        let kernels = TensorRuntime.shared.kernels
        var steps = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * shape[axis + 1] }
        return Tensor(computing: target) { result in
            guard order.count > 1, count > 0 else {
                result.update(from: storage.base, count: count)
                return
            }
            // The last two axes of the result are a block; the others are walked through.
            let (rows, columns) = (target[target.count - 2], target[target.count - 1])
            let (rowStep, columnStep) = (steps[order[order.count - 2]], steps[order[order.count - 1]])
            let block = rows * columns
            TensorRuntime.shared.share(count / block, operations: count) { part in
                for index in part {
                    var (rest, offset) = (index, 0)
                    for axis in (0..<order.count - 2).reversed() {
                        offset += rest % target[axis] * steps[order[axis]]
                        rest /= target[axis]
                    }
                    let (from, to) = (storage.base + offset, result + index * block)
                    if columnStep == 1 {
                        kernels.copy(from, rowStep, to, columns, rows, columns)
                    } else if rowStep == 1 {
                        kernels.transpose(from, columnStep, to, columns, columns, rows)
                    } else {
                        for row in 0..<rows {
                            for column in 0..<columns {
                                to[row * columns + column] = from[row * rowStep + column * columnStep]
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Tensors one after the other along an axis that they have.
///
/// - Throws: `TensorError` when there are none, or their other axes are not the same.
public func concatenated(_ tensors: [Tensor], axis: Int = 0) throws(TensorError) -> Tensor {
    guard let first = tensors.first else {
        throw .unsuitableShape(operation: "concatenated", shape: [], needed: "at least one tensor")
    }
    let axis = try Shape.axis(axis, of: first.shape, operation: "concatenated")
    var size = 0
    for tensor in tensors {
        var shape = tensor.shape
        if shape.count == first.shape.count { shape[axis] = first.shape[axis] }
        guard shape == first.shape else {
            throw .shapeMismatch(
                operation: "concatenated", first.shape, tensor.shape, hint: "only axis \(axis) may differ")
        }
        size += tensor.shape[axis]
    }
    var result = first.shape
    result[axis] = size
    return try joined(tensors, axis: axis, shape: result)
}

/// Tensors of one shape along a new axis.
///
/// - Throws: `TensorError` when there are none, their shapes are not the same, or the axis cannot be there.
public func stacked(_ tensors: [Tensor], axis: Int = 0) throws(TensorError) -> Tensor {
    guard let first = tensors.first else {
        throw .unsuitableShape(operation: "stacked", shape: [], needed: "at least one tensor")
    }
    for tensor in tensors where tensor.shape != first.shape {
        throw .shapeMismatch(
            operation: "stacked", first.shape, tensor.shape, hint: "all shapes must be the same")
    }
    let axis = try Shape.axis(axis, of: first.shape + [1], operation: "stacked")
    var result = first.shape
    result.insert(tensors.count, at: axis)
    return try joined(tensors, axis: axis, shape: result)
}

/// Tensors side by side: their elements from an axis on are blocks that take turns.
private func joined(_ tensors: [Tensor], axis: Int, shape: [Int]) throws(TensorError) -> Tensor {
    let outer = shape[..<axis].reduce(1, *)
    let width = shape[axis...].reduce(1, *)
    var offset = 0
    var places: [(offset: Int, width: Int)] = []
    for tensor in tensors {
        let ownWidth = outer == 0 ? 0 : tensor.count / outer
        places.append((offset, ownWidth))
        offset += ownWidth
    }
    let result = try Tensor(shape: shape) { to in
        for (tensor, place) in zip(tensors, places) {
            TensorRuntime.shared.kernels.copy(
                tensor.storage.base, place.width, to + place.offset, width, outer, place.width)
        }
    }
    return result.recorded(
        from: zip(tensors, places).map { tensor, place in
            let own = tensor.shape
            return (
                tensor,
                { gradient, sum in
                    sum.add(
                        Tensor(computing: own) {
                            TensorRuntime.shared.kernels.copy(
                                gradient.storage.base + place.offset, width, $0, place.width, outer,
                                place.width)
                        })
                }
            )
        })
}

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
