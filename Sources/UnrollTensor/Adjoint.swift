import CUnrollKernels

/// The gradient of one tensor while it is being summed up; nil stands for zero.
struct Adjoint {
    let shape: [Int]
    private(set) var storage: TensorStorage?

    init(shape: [Int]) {
        self.shape = shape
    }

    /// Adds a gradient of the tensor's own shape.
    mutating func add(_ gradient: Tensor) {
        guard storage != nil else {
            storage = gradient.storage
            return
        }
        let count = gradient.count
        write { sum, _ in
            let kernels = Machine.shared.kernels
            Machine.shared.share(count, granularity: 32, operations: 2 * count) { part in
                let to = sum + part.lowerBound
                kernels.combine(
                    UNROLL_COMBINE_ADD, to, to, false, gradient.storage.base + part.lowerBound, false,
                    part.count)
            }
        }
    }

    /// Lets the body add to the elements, or set them all if there is nothing yet to add to.
    mutating func write(_ body: (_ elements: UnsafeMutablePointer<Float>, _ isFresh: Bool) -> Void) {
        guard var own = storage else {
            let fresh = TensorStorage.allocated(count: shape.reduce(1, *))
            body(fresh.base, true)
            storage = fresh
            return
        }
        storage = nil
        if isKnownUniquelyReferenced(&own) {
            own.forgetPanels()
        } else {
            let copy = TensorStorage.allocated(count: own.count)
            copy.base.update(from: own.base, count: own.count)
            own = copy
        }
        body(own.base, false)
        storage = own
    }

    /// Adds the rows of a gradient of another shape, each where it came from.
    mutating func addRows(of gradient: Tensor, width: Int, at place: (_ row: Int) -> Int) {
        let count = shape.reduce(1, *)
        let rows = width == 0 ? 0 : gradient.count / width
        let kernels = Machine.shared.kernels
        write { elements, isFresh in
            if isFresh { elements.update(repeating: 0, count: count) }
            for row in 0..<rows {
                let to = elements + place(row)
                kernels.combine(
                    UNROLL_COMBINE_ADD, to, to, false, gradient.storage.base + row * width, false, width)
            }
        }
    }

    /// What has been summed up, or nil for zero; afterwards it is zero again.
    mutating func take() -> Tensor? {
        defer { storage = nil }
        return storage.map { Tensor(shape: shape, storage: $0) }
    }
}
