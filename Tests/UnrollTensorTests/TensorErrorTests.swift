import Foundation
import Testing
import UnrollTensor

/// Whatever data can decide leads to an error of one line that names the operation and the shapes.
@Suite struct TensorErrorTests {
    let matrix = try? Tensor(repeating: 1, shape: [2, 3])

    private func expect<Result>(
        _ expected: TensorError, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
        from body: () throws -> Result
    ) {
        let error = #expect(throws: TensorError.self, sourceLocation: sourceLocation) { _ = try body() }
        #expect(error == expected, sourceLocation: sourceLocation)
        let description = error?.description ?? ""
        #expect(!description.contains("\n"), sourceLocation: sourceLocation)
        for word in words {
            #expect(description.contains(word), "\(description)", sourceLocation: sourceLocation)
        }
    }

    @Test func shapesThatNoTensorHas() throws {
        // The system would promise as much as there is, and kill whoever fills it.
        let tooMany = Int(ProcessInfo.processInfo.physicalMemory) / MemoryLayout<Float>.size + 1
        for shape in [
            [-1], [2, -3], [0, -1], [Int.max, 2], [Int.max, Int.max, 0], [1 << 40], [1 << 20, 1 << 20],
            [tooMany],
        ] {
            expect(.invalidShape(shape), "\(shape)") { try Tensor.zeros(shape) }
            expect(.invalidShape(shape), "\(shape)") { try Tensor([], shape: shape) }
            expect(.invalidShape(shape), "\(shape)") { try Tensor(repeating: 1, shape: shape) }
        }
        expect(.invalidShape([2, -1])) { try oneHot([0, 0], classes: -1) }
        // Without elements, but what is left when the empty axis is summed away has too many.
        expect(.invalidShape([0, 1 << 40])) { try Tensor([], shape: [0, 1 << 40]) }
        expect(.elementCountMismatch(shape: [2, 3], count: 5), "[2, 3]", "5") {
            try Tensor([1, 2, 3, 4, 5], shape: [2, 3])
        }
        #expect(
            TensorError.elementCountMismatch(shape: [.max, 2], count: 1).description.contains("1 elements"))
    }

    @Test func resultsThatNoMemoryHolds() throws {
        let side = 1 << 20
        let (column, row) = (try Tensor.zeros([side, 1]), try Tensor.zeros([1, side]))
        let shape = [side, side]
        expect(.invalidShape(shape), "\(shape)") { try column + row }
        expect(.invalidShape(shape), "\(shape)") { try column - row }
        expect(.invalidShape(shape), "\(shape)") { try column * row }
        expect(.invalidShape(shape), "\(shape)") { try column / row }
        expect(.invalidShape(shape), "\(shape)") { try pow(column, row) }
        expect(.invalidShape(shape), "\(shape)") { try matmul(column, column, transposingB: true) }
        expect(.invalidShape([3, 1 << 40]), "\(1 << 40)") { try oneHot([0, 1, 2], classes: 1 << 40) }
        let many = [Int32](repeating: 0, count: side)
        expect(.invalidShape(shape)) { try row.gathered(many) }
        let list = [Tensor](repeating: row, count: side)
        expect(.invalidShape([side, side])) { try concatenated(list) }
        expect(.invalidShape([side, 1, side])) { try stacked(list) }
    }

    @Test func operandsThatDoNotFit() throws {
        let a = try #require(matrix)
        let b = try Tensor.zeros([4, 5])
        let hint = "counted from the last axis, sizes must be equal or 1"
        let combinations: [(String, (Tensor, Tensor) throws -> Tensor)] = [
            ("+", { try $0 + $1 }), ("-", { try $0 - $1 }), ("*", { try $0 * $1 }), ("/", { try $0 / $1 }),
            ("pow", { try pow($0, $1) }),
        ]
        for (name, combine) in combinations {
            expect(
                .shapeMismatch(operation: name, [2, 3], [4, 5], hint: hint), "\(name):", "[2, 3]", "[4, 5]"
            ) {
                try combine(a, b)
            }
        }
        var sum = try Tensor.zeros([3])
        let first = "the result must have the first one's shape"
        expect(.shapeMismatch(operation: "+=", [3], [2, 3], hint: first), "+=:", "[3]", "[2, 3]") {
            try sum += a
        }
        expect(.shapeMismatch(operation: "-=", [3], [2, 3], hint: first), "-=:", "[3]", "[2, 3]") {
            try sum -= a
        }
        #expect(sum.elements == [0, 0, 0])

        expect(
            .shapeMismatch(
                operation: "matmul", [2, 3], [4, 5], hint: "the inner sizes 3 and 4 must be equal"),
            "matmul:", "[2, 3]", "[4, 5]"
        ) { try matmul(a, b) }
        expect(
            .shapeMismatch(
                operation: "matmul", [2, 3], [4, 5],
                hint: "the inner sizes 2 and 5 must be equal after transposing"),
            "matmul:"
        ) { try matmul(a, b, transposingA: true, transposingB: true) }
        for shape in [[], [3], [0]] {
            #expect(throws: TensorError.self) { try matmul(Tensor.zeros(shape), a) }
            #expect(throws: TensorError.self) { try matmul(a, Tensor.zeros(shape)) }
        }
        expect(
            .unsuitableShape(
                operation: "matmul", shape: [3, 2, 1], needed: "a matrix as second operand"), "matmul:",
            "[3, 2, 1]"
        ) { try matmul(a, Tensor.zeros([3, 2, 1])) }
        expect(
            .unsuitableShape(
                operation: "matmul", shape: [2, 1, 2],
                needed: "a matrix as first operand, or untransposed a stack of them,"),
            "[2, 1, 2]"
        ) { try matmul(Tensor.zeros([2, 1, 2]), a, transposingA: true) }
    }

    @Test func axesThatAreNotThere() throws {
        let x = try #require(matrix)
        let operations: [(String, (Int) throws -> Any)] = [
            ("sum", { try x.sum(axes: [0, $0]) }), ("mean", { try x.mean(axes: [$0]) }),
            ("argmax", { try x.argmax(axis: $0) }), ("sliced", { try x.sliced(0..<1, axis: $0) }),
            ("concatenated", { try concatenated([x, x], axis: $0) }),
        ]
        for (name, operation) in operations {
            for axis in [2, -3, Int.max, Int.min] {
                expect(
                    .axisOutOfRange(operation: name, axis: axis, shape: [2, 3]), "\(name):", "\(axis)",
                    "[2, 3]"
                ) { try operation(axis) }
            }
        }
        for axis in [3, -4] { #expect(throws: TensorError.self) { try stacked([x, x], axis: axis) } }
        let scalar = Tensor(1)
        expect(.axisOutOfRange(operation: "sum", axis: 0, shape: [])) { try scalar.sum(axes: [0]) }
        expect(.axisOutOfRange(operation: "argmax", axis: -1, shape: [])) { try scalar.argmax() }
        expect(.axisOutOfRange(operation: "sliced", axis: 0, shape: [])) { try scalar.sliced(0..<0) }
        expect(.axisOutOfRange(operation: "gathered", axis: 0, shape: [])) { try scalar.gathered([]) }
        expect(.axisOutOfRange(operation: "subscript", axis: 0, shape: [])) { try scalar[0] }
        for axes in [[0, 2], [-3, 0], [0, 1, 2]] {
            expect(
                .axisOutOfRange(
                    operation: "transposed", axis: axes.first { !(-2..<2).contains($0) } ?? 0, shape: [2, 3]),
                "transposed:", "[2, 3]"
            ) { try x.transposed(axes: axes) }
        }
        for axes in [[], [0], [0, 0], [1, -1]] {
            expect(
                .unsuitableShape(
                    operation: "transposed", shape: [2, 3],
                    needed: "one with just the axes \(axes.map { $0 < 0 ? $0 + 2 : $0 }) in some order"),
                "transposed:", "[2, 3]"
            ) { try x.transposed(axes: axes) }
        }
    }

    @Test func indicesThatAreNotThere() throws {
        let x = try #require(matrix)
        for index in [2, -1, Int.max, Int.min] {
            expect(.indexOutOfRange(operation: "subscript", index: index, count: 2), "\(index)") {
                try x[index]
            }
        }
        for index in [2, -1, Int32.max, Int32.min] {
            expect(.indexOutOfRange(operation: "gathered", index: Int(index), count: 2), "gathered:") {
                try x.gathered([1, index])
            }
            expect(.indexOutOfRange(operation: "oneHot", index: Int(index), count: 2), "oneHot:") {
                try oneHot([0, index], classes: 2)
            }
        }
        expect(.indexOutOfRange(operation: "oneHot", index: 0, count: 0)) { try oneHot([0], classes: 0) }
        for (range, bound) in [
            (-1..<1, -1), (0..<4, 4), (4..<5, 4), (Int.min..<0, Int.min), (2..<Int.max, Int.max),
        ] {
            expect(.indexOutOfRange(operation: "sliced", index: bound, count: 4), "sliced:", "\(bound)") {
                try x.sliced(range, axis: 1)
            }
        }
        for target in [3, -1, Int32.min] {
            expect(.indexOutOfRange(operation: "softmaxCrossEntropy", index: Int(target), count: 3)) {
                try softmaxCrossEntropy(x, [0, target])
            }
        }
        for targets in [[], [0], [0, 1, 2]] as [[Int32]] {
            expect(
                .shapeMismatch(
                    operation: "softmaxCrossEntropy", [2, 3], [targets.count],
                    hint: "each row needs one target"),
                "softmaxCrossEntropy:", "[2, 3]", "[\(targets.count)]"
            ) { try softmaxCrossEntropy(x, targets) }
        }
        #expect(throws: TensorError.self) { try softmaxCrossEntropy(Tensor(1), [0]) }
        #expect(throws: TensorError.self) { try softmaxCrossEntropy(Tensor.zeros([2, 0]), [0, 0]) }
    }

    @Test func shapesThatCannotBe() throws {
        let x = try #require(matrix)
        for shape in [[7], [], [2, 2], [4, -1], [0, -1], [0]] {
            expect(
                .shapeMismatch(
                    operation: "reshaped", [2, 3], shape, hint: "both must have the same number of elements"),
                "reshaped:", "[2, 3]", "\(shape)"
            ) { try x.reshaped(to: shape) }
        }
        for shape in [[-1, -1], [-2, 3], [-1, -6], [1 << 40, -1], [Int.max, 2]] {
            #expect(throws: TensorError.self) { try x.reshaped(to: shape) }
        }
        #expect(throws: TensorError.self) { try Tensor.zeros([0, 3]).reshaped(to: [-1, 0]) }
        expect(
            .unsuitableShape(operation: "scalar", shape: [2, 3], needed: "a tensor of one number"), "[2, 3]"
        ) {
            try x.scalar()
        }
        #expect(throws: TensorError.self) { try Tensor.zeros([0]).scalar() }
        expect(
            .unsuitableShape(operation: "argmax", shape: [2, 0], needed: "an axis of at least one element"),
            "argmax:", "[2, 0]"
        ) { try Tensor.zeros([2, 0]).argmax() }

        expect(.unsuitableShape(operation: "stacked", shape: [], needed: "at least one tensor"), "stacked:") {
            try stacked([])
        }
        expect(.unsuitableShape(operation: "concatenated", shape: [], needed: "at least one tensor")) {
            try concatenated([])
        }
        let other = try Tensor.zeros([3, 3])
        expect(
            .shapeMismatch(operation: "stacked", [2, 3], [3, 3], hint: "all shapes must be the same"),
            "stacked:", "[2, 3]", "[3, 3]"
        ) { try stacked([x, other]) }
        expect(
            .shapeMismatch(operation: "concatenated", [2, 3], [3, 3], hint: "only axis 1 may differ"),
            "concatenated:", "[2, 3]", "[3, 3]"
        ) { try concatenated([x, other], axis: 1) }
        #expect(throws: TensorError.self) { try concatenated([x, Tensor.zeros([3])]) }
    }

    @Test func gradientsThatAreNotDefined() throws {
        let x = try #require(matrix)
        expect(
            .unsuitableShape(
                operation: "valueWithGradient", shape: [2, 3],
                needed: "a value of one element, as sum() or mean() gives,"),
            "valueWithGradient:", "[2, 3]"
        ) { try valueWithGradient(at: x) { $0 * 2 } }
        #expect(throws: TensorError.self) {
            try valueWithGradient(at: x) { try $0.sliced(0..<0).sum(axes: [1]) }
        }

        var left: [Tensor] = []
        _ = try valueWithGradient(at: x) {
            left = [$0, $0 * 2]
            return $0.sum()
        }
        for tensor in left {
            expect(.notDetached, "detached()") { try valueWithGradient(at: x) { try ($0 * tensor).sum() } }
            expect(.notDetached) { try valueWithGradient(at: x) { _ in tensor.sum() } }
            expect(.historyUnavailable, "detached()", "throughHistory") {
                try valueWithGradient(at: [x], throughHistory: true) { try ($0[0] * tensor).sum() }
            }
            #expect(try valueWithGradient(at: x) { try ($0 * tensor.detached()).sum() }.gradient == tensor)
        }
    }

    @Test func historyOfOtherVariables() throws {
        let x = try #require(matrix)
        func state(of variables: [Tensor]) throws -> Tensor {
            var state = x
            _ = try valueWithGradient(at: variables, throughHistory: true) {
                state = try $0[0] * 2 * $0[0]
                return state.sum()
            }
            return state
        }
        let others = try [
            // The first operation after them has the shape of a variable that is missing.
            state(of: [x]), state(of: [x, x, x]), state(of: [x, Tensor.zeros([3])]),
        ]
        for tensor in others {
            expect(.historyUnavailable) {
                try valueWithGradient(at: [x, x], throughHistory: true) { try ($0[0] * tensor * $0[1]).sum() }
            }
        }
        let same = try state(of: [x, x])
        #expect(throws: Never.self) {
            try valueWithGradient(at: [x, x], throughHistory: true) { try ($0[0] * same * $0[1]).sum() }
        }
    }
}
