import Testing
import UnrollTensor

/// An operation under test: tensors and what else it takes to a tensor.
typealias Operation = @Sendable ([Tensor], Arguments) throws -> Tensor

/// Every operation under the name that the vectors have for it.
let operations: [String: Operation] = [
    "matmul": {
        try matmul(
            $0[0], $0[1], transposingA: $1.transposingA ?? false, transposingB: $1.transposingB ?? false)
    },
    "+": { x, _ in try x[0] + x[1] },
    "-": { x, _ in try x[0] - x[1] },
    "*": { x, _ in try x[0] * x[1] },
    "/": { x, _ in try x[0] / x[1] },
    "+=": { x, _ in
        var sum = x[0]
        try sum += x[1]
        return sum
    },
    "-=": { x, _ in
        var difference = x[0]
        try difference -= x[1]
        return difference
    },
    "tensor + number": { try $0[0] + #require($1.number) },
    "number + tensor": { try #require($1.number) + $0[0] },
    "tensor - number": { try $0[0] - #require($1.number) },
    "number - tensor": { try #require($1.number) - $0[0] },
    "tensor * number": { try $0[0] * #require($1.number) },
    "number * tensor": { try #require($1.number) * $0[0] },
    "tensor / number": { try $0[0] / #require($1.number) },
    "number / tensor": { try #require($1.number) / $0[0] },
    "negation": { x, _ in -x[0] },
    "tanh": { x, _ in tanh(x[0]) },
    "sigmoid": { x, _ in sigmoid(x[0]) },
    "relu": { x, _ in relu(x[0]) },
    "exp": { x, _ in exp(x[0]) },
    "log": { x, _ in log(x[0]) },
    "sqrt": { x, _ in sqrt(x[0]) },
    "abs": { x, _ in abs(x[0]) },
    "softplus": { x, _ in softplus(x[0]) },
    "silu": { x, _ in silu(x[0]) },
    "min": { x, _ in try min(x[0], x[1]) },
    "max": { x, _ in try max(x[0], x[1]) },
    "where": { x, _ in try Tensor.where(x[0], x[1], x[2]) },
    "greatest": { x, _ in try x[0].max() },
    "greatest axes": { try $0[0].max(axes: #require($1.axes), keepingAxes: $1.keepingAxes ?? false) },
    "softmax": { try $0[0].softmax(axis: #require($1.axis)) },
    "pow number": { try pow($0[0], #require($1.number)) },
    "pow tensor": { x, _ in try pow(x[0], x[1]) },
    "sum": { x, _ in x[0].sum() },
    "sum axes": { try $0[0].sum(axes: #require($1.axes), keepingAxes: $1.keepingAxes ?? false) },
    "mean": { x, _ in x[0].mean() },
    "mean axes": { try $0[0].mean(axes: #require($1.axes), keepingAxes: $1.keepingAxes ?? false) },
    "argmax": { x, arguments in
        var shape = x[0].shape
        let axis = try #require(arguments.axis)
        shape.remove(at: axis < 0 ? axis + shape.count : axis)
        return try Tensor(x[0].argmax(axis: axis).map(Float.init), shape: shape)
    },
    "reshaped": { try $0[0].reshaped(to: #require($1.shape)) },
    "transposed": { try $0[0].transposed(axes: $1.axes) },
    "sliced": { x, arguments in
        let range = try #require(arguments.range)
        return try x[0].sliced(range[0]..<range[1], axis: #require(arguments.axis))
    },
    "subscript": { x, arguments in try x[0][#require(arguments.axis)] },
    "concatenated": { try concatenated($0, axis: #require($1.axis)) },
    "stacked": { try stacked($0, axis: #require($1.axis)) },
    "oneHot": { _, arguments in
        try oneHot(#require(arguments.indices), classes: #require(arguments.classes))
    },
    "gathered": { try $0[0].gathered(#require($1.indices)) },
    "softmaxCrossEntropy": { try softmaxCrossEntropy($0[0], #require($1.indices)) },
    "detached": { x, _ in try x[0].detached() * x[0] },
    "recurrence": { x, arguments in
        var h = try Tensor.zeros([x[0].shape[1], x[2].shape[0]])
        var outputs: [Tensor] = []
        for t in 0..<x[0].shape[0] {
            h = try tanh(matmul(x[0][t], x[1]) + matmul(h, x[2]) + x[3])
            outputs.append(try matmul(h, x[4]) + x[5])
        }
        return try softmaxCrossEntropy(concatenated(outputs), #require(arguments.indices)).mean()
    },
    "reuse": { x, _ in try x[0] * x[0] + tanh(x[0]) * x[0] - x[0] },
    "use beside reshape": { x, _ in
        try x[0] * x[0].reshaped(to: [3, 2]).transposed().reshaped(to: [2, 3]) + x[0]
    },
    "use beside slice": { x, _ in
        try (x[0] * x[0][1]).sliced(0..<2, axis: 1) * x[0].sliced(1..<3, axis: 1)
    },
    "unused": { x, _ in sigmoid(x[0]) },
]
