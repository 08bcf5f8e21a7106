import UnrollKernels

/// A value with any number of axes: numbers of single precision, the last axis varying fastest.
///
/// A scalar has no axes and the shape `[]`. A tensor never changes, so it can be given to other tasks and copied at no
/// cost. Operations that depend on shapes, axes or indices throw `TensorError`, so a line of them needs one `try`:
///
/// ```swift
/// let h = try tanh(matmul(x, wxh) + matmul(h, whh) + bh)
/// ```
///
/// Operations on what `valueWithGradient` hands to its function are remembered and differentiated. They run on as many
/// threads as there are processors and give the same bits on any number of them. Denormal numbers count as zero.
public struct Tensor: Sendable {
    /// The size of each axis, outermost first; empty for a scalar.
    public let shape: [Int]
    let storage: TensorStorage
    /// Where the operation that made it is remembered, if it is to be differentiated.
    let trace: Trace?

    /// How many numbers it has, the product of its shape.
    public var count: Int { storage.count }

    init(shape: [Int], storage: TensorStorage, trace: Trace? = nil) {
        self.shape = shape
        self.storage = storage
        self.trace = trace
    }

    /// Makes a scalar, of shape `[]`.
    public init(_ value: Float) {
        let storage = TensorStorage.allocated(count: 1)
        storage.base[0] = value
        self.init(shape: [], storage: storage)
    }

    /// Makes a tensor of numbers in row-major order.
    ///
    /// - Throws: `TensorError.elementCountMismatch` when there are more or fewer than the shape says.
    public init(_ elements: [Float], shape: [Int]) throws(TensorError) {
        let count = try Shape.count(shape)
        guard elements.count == count else {
            throw .elementCountMismatch(shape: shape, count: elements.count)
        }
        try self.init(shape: shape) { base in
            for (index, element) in elements.enumerated() { base[index] = element }
        }
    }

    /// Makes a tensor in which every number is the same.
    ///
    /// - Throws: `TensorError.invalidShape` when memory cannot hold it.
    public init(repeating value: Float, shape: [Int]) throws(TensorError) {
        let count = try Shape.count(shape)
        try self.init(shape: shape) { $0.update(repeating: value, count: count) }
    }

    /// Makes a tensor of zeros.
    ///
    /// - Throws: `TensorError.invalidShape` when memory cannot hold it.
    public static func zeros(_ shape: [Int]) throws(TensorError) -> Tensor {
        try Tensor(repeating: 0, shape: shape)
    }

    /// Makes a tensor whose shape is the caller's, and fills it.
    init(shape: [Int], fill: (UnsafeMutablePointer<Float>) -> Void) throws(TensorError) {
        if let failure = TensorRuntime.shared.failure { throw .kernels(failure) }
        guard let storage = TensorStorage(count: try Shape.count(shape)) else { throw .invalidShape(shape) }
        fill(storage.base)
        self.init(shape: shape, storage: storage)
    }

    /// The same for a result whose operands exist, where running out of memory cannot be foreseen.
    init(computing shape: [Int], fill: (UnsafeMutablePointer<Float>) -> Void) {
        let storage = TensorStorage.allocated(count: shape.reduce(1, *))
        fill(storage.base)
        self.init(shape: shape, storage: storage)
    }

    /// Bytes of memory that tensors use, and that wait to be used by the next.
    package static var byteCounts: (live: Int, idle: Int) { TensorRuntime.shared.buffers.byteCounts }

    /// The numbers in row-major order.
    public var elements: [Float] {
        [Float](UnsafeBufferPointer(start: storage.base, count: count))
    }

    /// The number of a tensor that has just one.
    ///
    /// - Throws: `TensorError.unsuitableShape` when it has more, or none.
    public func scalar() throws(TensorError) -> Float {
        guard count == 1 else {
            throw .unsuitableShape(operation: "scalar", shape: shape, needed: "a tensor of one number")
        }
        return storage.base[0]
    }

    /// The same numbers as a constant: gradients do not flow back through it.
    ///
    /// In sequential partitioning, the state that one minibatch leaves to the next is detached, so that
    /// backpropagation through time ends at the minibatch's first step.
    public func detached() -> Tensor {
        trace == nil ? self : Tensor(shape: shape, storage: storage)
    }
}

extension Tensor: Equatable {
    /// Whether shape and all numbers are equal; a NaN is equal to nothing.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        left.shape == right.shape
            && (0..<left.count).allSatisfy { left.storage.base[$0] == right.storage.base[$0] }
    }
}

extension Tensor: CustomStringConvertible {
    /// Shape and numbers, nested in brackets; long axes are shortened to their ends.
    public var description: String {
        "Tensor\(shape) \(Self.nested(storage.base, shape[...], indentation: 1))"
    }

    /// Beyond this, only the first and last few of an axis are shown.
    private static let shown = 6

    private static func nested(
        _ elements: UnsafePointer<Float>, _ shape: ArraySlice<Int>, indentation: Int
    ) -> String {
        guard let size = shape.first else { return "\(elements[0])" }
        let rest = shape.dropFirst()
        let width = rest.reduce(1, *)
        let indices = size <= shown ? Array(0..<size) : Array(0..<shown / 2) + Array(size - shown / 2..<size)
        var parts = indices.map { nested(elements + $0 * width, rest, indentation: indentation + 1) }
        if size > shown { parts.insert("...", at: shown / 2) }
        let separator = rest.isEmpty ? ", " : ",\n" + String(repeating: " ", count: indentation)
        return "[" + parts.joined(separator: separator) + "]"
    }
}
