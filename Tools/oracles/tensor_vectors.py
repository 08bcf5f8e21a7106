"""Writes what PyTorch computes for every operation on tensors, as the JSON vectors that the tensor tests read.

    python Tools/oracles/tensor_vectors.py Tests/UnrollTensorTests/Oracles

A case is an operation, its arguments, its inputs, the result, and the gradient of sum(result * weights) with respect to
each input, where weight i is (7 i mod 11) - 5. What goes in is exact in float32, PyTorch computes in float64, and what
comes out is rounded to float32. Where formulas are not at stake, inputs are integers: results come out exact and short.

A new operation is one line in `OPERATIONS`, one in `CASES`, and one in the tests' table.
"""

import json
import math
import pathlib
import struct
import sys

import torch
from torch.nn.functional import cross_entropy, one_hot

torch.set_default_dtype(torch.float64)
random = torch.Generator().manual_seed(11)


# Inputs: a shape and how to fill it.

def rounded(values):
    """Short in print and exact in float32."""
    return (values * 100).round().div(100).float().double()


def normal(*shape):
    return rounded(torch.randn(shape, generator=random))


def positive(*shape):
    return rounded(torch.rand(shape, generator=random) * 2 + 0.25)


def whole(*shape):
    return torch.randint(-3, 4, shape, generator=random).double()


def labels(*shape):
    """For what only moves numbers: hardly two are equal."""
    return torch.randint(-99, 100, shape, generator=random).double()


def spread(low, high, count):
    return torch.linspace(low, high, count).float().double()


def given(*values):
    return torch.tensor(values).float().double()


def ids(count, bound):
    return torch.randint(bound, (count,), generator=random).tolist()


# Operations: what the tests' table has under the same names.

def matmul(a, b, transposingA=False, transposingB=False):
    return (a.mT if transposingA else a) @ (b.mT if transposingB else b)


def reduced(function):
    return lambda x, axes, keepingAxes=False: function(x, axes, keepingAxes) if axes else x * 1


def crossEntropy(logits, indices):
    rows = cross_entropy(logits.reshape(-1, logits.shape[-1]), torch.tensor(indices, dtype=torch.long), reduction="none")
    return rows.reshape(logits.shape[:-1])


def recurrence(x, wxh, whh, bh, whq, bq, indices):
    h, outputs = torch.zeros(x.shape[1], whh.shape[0]), []
    for step in x:
        h = torch.tanh(step @ wxh + h @ whh + bh)
        outputs.append(h @ whq + bq)
    return crossEntropy(torch.cat(outputs), indices).mean()


OPERATIONS = {
    "matmul": matmul,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "+=": lambda a, b: a + b,
    "-=": lambda a, b: a - b,
    "tensor + number": lambda a, number: a + number,
    "number + tensor": lambda a, number: number + a,
    "tensor - number": lambda a, number: a - number,
    "number - tensor": lambda a, number: number - a,
    "tensor * number": lambda a, number: a * number,
    "number * tensor": lambda a, number: number * a,
    "tensor / number": lambda a, number: a / number,
    "number / tensor": lambda a, number: number / a,
    "negation": lambda a: -a,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "softplus": torch.nn.functional.softplus,
    "silu": torch.nn.functional.silu,
    "min": torch.minimum,
    "max": torch.maximum,
    "where": lambda condition, a, b: torch.where(condition.detach() != 0, a, b),
    "greatest": torch.amax,
    "greatest axes": reduced(torch.amax),
    "softmax": lambda x, axis: x.softmax(axis),
    "pow number": lambda a, number: a**number,
    "pow tensor": torch.pow,
    "sum": torch.sum,
    "sum axes": reduced(torch.sum),
    "mean": torch.mean,
    "mean axes": reduced(torch.mean),
    "argmax": lambda x, axis: x.argmax(axis).double(),
    "reshaped": lambda x, shape: x.reshape(shape),
    "transposed": lambda x, axes=None: x.permute(axes if axes else list(reversed(range(x.dim())))),
    "sliced": lambda x, axis, range: x.narrow(axis, range[0], range[1] - range[0]),
    "subscript": lambda x, axis: x[axis],
    "concatenated": lambda *x, axis: torch.cat(x, axis),
    "stacked": lambda *x, axis: torch.stack(x, axis),
    "oneHot": lambda indices, classes: one_hot(torch.tensor(indices, dtype=torch.long), classes).double(),
    "gathered": lambda x, indices: x[torch.tensor(indices, dtype=torch.long)],
    "softmaxCrossEntropy": crossEntropy,
    "detached": lambda x: x.detach() * x,
    "recurrence": recurrence,
    "reuse": lambda x: x * x + torch.tanh(x) * x - x,
    "use beside reshape": lambda x: x * x.reshape(3, 2).mT.reshape(2, 3) + x,
    "use beside slice": lambda x: (x * x[1]).narrow(1, 0, 2) * x.narrow(1, 1, 2),
    "unused": lambda x, _: torch.sigmoid(x),
}

CASES = {"products": [], "arithmetic": [], "functions": [], "reductions": [], "layout": [], "indexing": [],
         "composites": [], "selection": []}
topic = ""


def begin(name):
    global topic
    topic = name


def add(operation, *inputs, **arguments):
    CASES[topic].append((operation, inputs, arguments))


def matrix(make, rows, columns, isTransposed):
    return make(columns, rows) if isTransposed else make(rows, columns)


begin("products")
SIZES = [(1, 7, 31), (7, 31, 1), (33, 1, 7), (31, 7, 33), (7, 65, 7), (1, 1, 1), (3, 0, 2), (0, 3, 2), (2, 3, 0)]
for a in [False, True]:
    for b in [False, True]:
        for m, k, n in SIZES:
            add("matmul", matrix(whole, m, k, a), matrix(whole, k, n, b), transposingA=a, transposingB=b)
        add("matmul", matrix(normal, 5, 9, a), matrix(normal, 9, 6, b), transposingA=a, transposingB=b)
add("matmul", whole(65, 33), whole(33, 7))
for b in [False, True]:
    add("matmul", normal(3, 2, 5), matrix(normal, 5, 4, b), transposingB=b)
    add("matmul", whole(2, 1, 3, 7), matrix(whole, 7, 9, b), transposingB=b)
    add("matmul", whole(0, 2, 5), matrix(whole, 5, 4, b), transposingB=b)
    add("matmul", whole(3, 2, 0), matrix(whole, 0, 4, b), transposingB=b)

begin("arithmetic")
PAIRS = [((), ()), ((5,), (5,)), ((2, 3), ()), ((), (2, 3)), ((3, 4), (4,)), ((4,), (3, 4)), ((3, 4), (3, 1)),
         ((3, 1), (3, 4)), ((2, 1, 3), (4, 1)), ((4, 1), (2, 1, 3)), ((2, 3), (3, 2, 1)), ((2, 3, 1), (1, 3, 4)),
         ((1, 1, 5), (5,)), ((5, 1, 1), (5,)), ((1,), ()), ((2, 3, 4), (3, 1)), ((2, 1, 4), (2, 3, 4)),
         ((3, 1, 2, 1), (5, 1, 2)), ((0, 3), (3,)), ((3, 1), (3, 0)), ((0,), ()), ((2, 0), (2, 0)), ((1,), (0,)),
         ((35,), (35,)), ((2, 33), (33,)), ((2, 33), (2, 1))]
for operation in ["+", "-", "*", "/"]:
    for first, second in PAIRS:
        make, makeSecond = (normal, positive) if operation == "/" else (whole, whole)
        add(operation, make(*first), makeSecond(*second))
for operation in ["+=", "-="]:
    for first, second in [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 3), ()), ((0, 3), (3,))]:
        add(operation, normal(*first), normal(*second))
for shape in [(), (3, 5), (33,), (0, 2)]:
    for operation in ["+", "-", "*", "/"]:
        add(f"tensor {operation} number", normal(*shape), number=-1.75)
        add(f"number {operation} tensor", positive(*shape), number=0.75)
    add("negation", normal(*shape))
add("tensor * number", normal(3), number=0)
add("number / tensor", given(1e38, -3e38, 1e-30), number=1e8)
add("number / tensor", given(-2.0, 0.5, -0.25), number=-3)

begin("functions")
for operation in ["tanh", "sigmoid", "relu"]:
    for shape in [(), (7,), (3, 33), (2, 0)]:
        add(operation, normal(*shape))
    add(operation, spread(-30, 30, 33))
    add(operation, given(0.0, -0.0, 1e-6, -1e-6, 1e-3, -1e-3, 0.0))
add("relu", given(0.0, -1.0, 2.0, 0.0, -0.0, 1e30, -1e30))
for shape in [(), (3, 33), (0,)]:
    add("exp", normal(*shape))
    add("log", positive(*shape))
add("exp", spread(-86, -60, 9))
add("exp", given(-90.0, -95.0, -104.0, -200.0, -1e30, -math.inf))
add("exp", spread(60, 88.5, 9))
add("exp", given(89.0, 100.0, 1e30, math.inf))
add("exp", given(0.0, 1e-6, -1e-6, math.nan))
add("log", given(1e-37, 1e-20, 1.0, 1e20, 3e38))
add("log", given(0.0, -1.0, math.inf, math.nan))
for exponent in [2, 3, 0.5, -1, 0, 1, -0.5, 2.5]:
    add("pow number", positive(3, 11), number=exponent)
    add("pow number", given(0.0), number=exponent)
    add("pow number", given(-2.0, -0.5, -1.0), number=exponent)
add("pow number", positive(0, 2), number=2)
add("pow number", positive(), number=3)
for first, second in [((3, 5), (3, 5)), ((3, 5), ()), ((), (3, 5)), ((3, 1), (5,)), ((5,), (2, 1, 1)), ((0, 2), (2,))]:
    add("pow tensor", positive(*first), normal(*second))
add("pow tensor", given(0.0, 0.0, 0.0), given(0.0, 2.0, 0.5))
add("pow tensor", given(-2.0, -0.5, 3.0), given(2.0, 3.0, 0.0))
add("pow tensor", given(1.5), given(0.0))

begin("reductions")
for operation in ["sum", "mean"]:
    for shape in [(), (1,), (7,), (3, 4), (2, 3, 5), (1, 33, 1), (0,), (2, 0)]:
        add(operation, normal(*shape))
    for shape, lists in {
        (5,): [[0], [-1], []],
        (3, 4): [[0], [1], [-1], [-2], [0, 1], [1, 0], []],
        (2, 3, 5): [[0], [1], [2], [0, 1], [0, 2], [1, 2], [-1, 0], [0, 1, 2]],
        (2, 3, 2, 3): [[1], [2], [1, 3], [0, 2], [-2, -3]],
        (2, 33): [[0], [1]],
        (3, 0): [[0], [1], [0, 1]],
        (): [[]],
    }.items():
        for axes in lists:
            for keeping in [False, True]:
                add(f"{operation} axes", whole(*shape), axes=axes, keepingAxes=keeping)
for axis in [0, 1, 2, -1, -2, -3]:
    add("argmax", normal(3, 4, 5), axis=axis)
add("argmax", given(1.0, 3.0, 3.0, 2.0, 3.0), axis=0)
add("argmax", given(1.0, math.nan, 3.0, math.nan), axis=-1)
add("argmax", given(-math.inf, -math.inf), axis=-1)
add("argmax", whole(4, 6), axis=0)
add("argmax", normal(0, 3), axis=1)
add("argmax", normal(2, 40), axis=-1)

begin("layout")
for shape, target in [((6,), [2, 3]), ((2, 3), [6]), ((2, 3), [3, 2]), ((2, 3), [-1]), ((2, 3, 4), [2, -1]),
                      ((2, 3, 4), [4, -1, 2]), ((1,), []), ((), [1, 1]), ((), [-1]), ((0, 3), [3, 0]),
                      ((0, 3), [-1, 3]), ((2, 3), [2, 3]), ((12,), [-1, 12])]:
    add("reshaped", labels(*shape), shape=target)
for shape in [(), (4,), (3, 4), (1, 5), (33, 7), (2, 3, 4), (0, 3), (2, 1, 3, 2)]:
    add("transposed", labels(*shape))
for shape, orders in {
    (3, 4): [[0, 1], [1, 0]],
    (2, 3, 4): [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]],
    (2, 3, 1, 4): [[0, 1, 3, 2], [0, 2, 1, 3], [3, 1, 2, 0], [1, 3, 0, 2], [2, 3, 1, 0], [3, 0, 1, 2]],
    (2, 0, 3): [[2, 0, 1]],
    (1, 9, 34): [[2, 0, 1]],
}.items():
    for order in orders:
        add("transposed", labels(*shape), axes=order)
for shape, slices in {
    (6,): [(0, 0, 6), (0, 2, 5), (0, 3, 3), (-1, 5, 6)],
    (4, 5): [(0, 1, 3), (1, 1, 4), (-1, 0, 1), (-2, 3, 4), (1, 5, 5)],
    (3, 4, 5): [(0, 1, 2), (1, 1, 3), (2, 2, 5), (-2, 0, 4)],
    (0, 3): [(0, 0, 0), (1, 1, 2)],
    (2, 40): [(1, 3, 37)],
}.items():
    for axis, low, high in slices:
        add("sliced", labels(*shape), axis=axis, range=[low, high])
for shape, index in [((3,), 2), ((3, 4), 0), ((3, 4), 2), ((2, 3, 5), 1), ((1, 33), 0), ((2, 0), 1)]:
    add("subscript", labels(*shape), axis=index)
for shapes, axes in [([(2,), (3,), (1,)], [0, -1]), ([(2, 3), (2, 3)], [0, 1, -1, -2]), ([(2, 3), (4, 3)], [0]),
                     ([(2, 3), (2, 1), (2, 4)], [1, -1]), ([(2, 1, 3), (2, 4, 3)], [1, -2]),
                     ([(2, 2, 1), (2, 2, 33)], [2]), ([(0, 3), (2, 3)], [0]), ([(2, 0), (2, 3), (2, 0)], [1]),
                     ([(0, 2), (0, 3)], [1]), ([(3, 2)], [0, 1])]:
    for axis in axes:
        add("concatenated", *[labels(*shape) for shape in shapes], axis=axis)
for shape, count, axes in [((), 3, [0, -1]), ((4,), 2, [0, 1, -1, -2]), ((2, 3), 3, [0, 1, 2, -1, -2, -3]),
                           ((2, 3, 2), 2, [0, 1, 2, 3]), ((0, 2), 2, [0, 1, 2]), ((3,), 1, [0, 1])]:
    for axis in axes:
        add("stacked", *[labels(*shape) for _ in range(count)], axis=axis)

begin("indexing")
for indices, classes in [([2, 0, 2, 4], 5), ([0], 1), ([], 3), ([32, 31, 0], 33)]:
    add("oneHot", indices=indices, classes=classes)
for shape, indices in [((5,), [4, 0, 4, 4]), ((5, 3), [1, 1, 4, 0, 1]), ((4, 2, 3), [3, 0, 3]), ((3, 33), [2, 2]),
                       ((3, 4), []), ((1, 2), [0, 0, 0]), ((3, 0), [1, 2])]:
    add("gathered", normal(*shape), indices=indices)
for classes in [1, 2, 28, 33, 100]:
    add("softmaxCrossEntropy", normal(3, classes), indices=ids(3, classes))
add("softmaxCrossEntropy", normal(2, 3, 7), indices=ids(6, 7))
add("softmaxCrossEntropy", normal(2, 1, 2, 5), indices=ids(4, 5))
add("softmaxCrossEntropy", normal(6), indices=[4])
add("softmaxCrossEntropy", normal(0, 4), indices=[])
add("softmaxCrossEntropy", normal(4, 9) * 1000, indices=ids(4, 9))
add("softmaxCrossEntropy", torch.tensor([[1e30, -1e30, 0], [5e4, 5e4, 5e4], [-1e30, -1e30, -1e30]]).float().double(),
    indices=[1, 2, 0])
add("softmaxCrossEntropy", torch.tensor([[20.0, 0, 0], [0, -math.inf, 1]]), indices=[0, 2])

begin("composites")
add("detached", normal(2, 3))
add("recurrence", normal(5, 2, 3), normal(3, 7), normal(7, 7) * 0.5, normal(7), normal(7, 4), normal(4),
    indices=ids(10, 4))
add("recurrence", normal(5, 3, 33), normal(33, 6), normal(6, 6) * 0.5, normal(6), normal(6, 33), normal(33),
    indices=ids(15, 33))
add("reuse", normal(3, 4))
add("use beside reshape", normal(2, 3))
add("use beside slice", normal(3, 3))
add("unused", normal(2, 3), normal(4))
add("unused", normal(2, 3), normal(0, 4))

# Last, so that the random numbers of the cases above stay as they are.
begin("selection")
for shape in [(), (3, 33), (0,)]:
    add("sqrt", positive(*shape))
    for operation in ["abs", "softplus", "silu"]:
        add(operation, normal(*shape))
add("sqrt", given(1e-37, 1e-20, 1.0, 1e20, 3e38, 0.25))
add("sqrt", given(-1.0, math.inf, math.nan))
add("abs", given(0.0, -0.0, 1e-30, -1e30, -math.inf, math.inf))
add("softplus", spread(-80, 80, 33))
add("softplus", given(-17.0, -16.0, -1e-6, 0.0, 1e-6, -1e30, 1e30))
add("silu", spread(-15, 15, 33))
for operation in ["min", "max"]:
    for first, second in PAIRS:
        add(operation, whole(*first), whole(*second))
    add(operation, given(math.inf, -math.inf, 1.0, -0.0), given(1.0, 1.0, -math.inf, 0.0))
for first, second, third in [((), (), ()), ((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), (3, 4)), ((4,), (3, 1), ()),
                             ((2, 3), (), (3,)), ((0, 3), (3,), (3,)), ((2, 33), (2, 33), (33,))]:
    add("where", whole(*first), normal(*second), normal(*third))
for shape in [(), (1,), (7,), (3, 4), (2, 3, 5), (1, 33, 1)]:
    add("greatest", whole(*shape))
for shape, lists in {
    (5,): [[0], [-1], []],
    (3, 4): [[0], [1], [-1], [-2], [0, 1], [1, 0], []],
    (2, 3, 5): [[0], [1], [2], [0, 1], [0, 2], [1, 2], [-1, 0], [0, 1, 2]],
    (2, 33): [[0], [1]],
    (3, 0): [[0]],
}.items():
    for axes in lists:
        for keeping in [False, True]:
            add("greatest axes", whole(*shape), axes=axes, keepingAxes=keeping)
add("greatest", given(1.0, -math.inf, math.inf, 2.0))
for shape, axes in {(1,): [0], (7,): [0, -1], (3, 4): [0, 1], (2, 3, 5): [0, 1, 2, -2], (2, 34): [0, 1],
                    (0, 3): [1]}.items():
    for axis in axes:
        add("softmax", normal(*shape), axis=axis)
add("softmax", normal(3, 4) * 1000, axis=1)
add("softmax", given(0.0, -math.inf, 1.0), axis=0)


# Output: what is shortest for a float32, one case a line.

def number(value):
    """The float32 nearest to a number, in as few digits as tell it from its neighbors."""
    try:
        nearest = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        nearest = math.copysign(math.inf, value)
    if not math.isfinite(nearest):
        return '"nan"' if math.isnan(nearest) else '"inf"' if nearest > 0 else '"-inf"'
    # Tensors count denormal numbers as zero.
    if abs(nearest) < 2**-126:
        return "0"
    texts = (f"{nearest:.{digits}g}" for digits in range(1, 10))
    text = next(text for text in texts if struct.unpack("f", struct.pack("f", float(text)))[0] == nearest)
    return text.replace("e+", "e").replace("e0", "e").replace("e-0", "e-")


def array(tensor):
    elements = ",".join(number(value) for value in tensor.detach().reshape(-1).tolist())
    return f'{{"shape":{json.dumps(list(tensor.shape), separators=(",", ":"))},"elements":[{elements}]}}'


def encoded(operation, inputs, arguments):
    inputs = [value.float().double().requires_grad_() for value in inputs]
    result = OPERATIONS[operation](*inputs, **arguments)
    weights = torch.arange(result.numel()) * 7 % 11 - 5
    loss = (result * weights.reshape(result.shape)).sum()
    if loss.requires_grad:
        loss.backward()
    gradients = [torch.zeros_like(value) if value.grad is None else value.grad for value in inputs]
    fields = {
        "operation": json.dumps(operation),
        "arguments": json.dumps(arguments, separators=(",", ":")),
        "inputs": f"[{','.join(array(value) for value in inputs)}]",
        "value": array(result),
        "gradients": f"[{','.join(array(value) for value in gradients)}]",
    }
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}"


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, cases in CASES.items():
    lines = ",\n".join(encoded(*case) for case in cases)
    (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
