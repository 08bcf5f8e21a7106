import CUnrollKernels
import Foundation
import Testing
import UnrollKernels

/// The interpreter's operations on tiles, against double precision.
@Suite struct ElementwiseTests {
    /// An operation and what IEEE arithmetic makes of it, with `a b + c` rounded once (fused) or twice.
    struct Operation: CustomTestStringConvertible, Sendable {
        let opcode: UnrollOpcode
        let name: String
        /// How many of the operands a, b, c it reads.
        let operands: Int
        let result: @Sendable (_ a: Float, _ b: Float, _ c: Float, _ isFused: Bool) -> Float
        var testDescription: String { name }

        var instruction: UnrollInstruction {
            UnrollInstruction(
                opcode: Int32(opcode.rawValue), d: 0, a: 0, b: 0, c: 0, scale: Operation.scale,
                offset: Operation.offset)
        }

        static let scale: Float = -1.7
        static let offset: Float = 0.3
    }

    /// What IEEE arithmetic determines to the last bit, but for fusing.
    static let exactOperations = [
        Operation(opcode: UNROLL_OP_COPY, name: "copy", operands: 1) { a, _, _, _ in a },
        Operation(opcode: UNROLL_OP_ADD, name: "add", operands: 2) { a, b, _, _ in a + b },
        Operation(opcode: UNROLL_OP_SUBTRACT, name: "subtract", operands: 2) { a, b, _, _ in a - b },
        Operation(opcode: UNROLL_OP_MULTIPLY, name: "multiply", operands: 2) { a, b, _, _ in a * b },
        Operation(opcode: UNROLL_OP_DIVIDE, name: "divide", operands: 2) { a, b, _, _ in a / b },
        Operation(opcode: UNROLL_OP_MINIMUM, name: "minimum", operands: 2) { a, b, _, _ in
            a.isNaN || a < b ? a : b
        },
        Operation(opcode: UNROLL_OP_MAXIMUM, name: "maximum", operands: 2) { a, b, _, _ in
            a.isNaN || a > b ? a : b
        },
        Operation(opcode: UNROLL_OP_SQUARE_ROOT, name: "square root", operands: 1) { a, _, _, _ in
            a.squareRoot()
        },
        Operation(opcode: UNROLL_OP_ABSOLUTE, name: "absolute", operands: 1) { a, _, _, _ in a.magnitude },
        Operation(opcode: UNROLL_OP_POWER, name: "power", operands: 1) { a, _, _, _ in
            pow(a, Operation.scale)
        },
        Operation(opcode: UNROLL_OP_ABSOLUTE_DERIVATIVE, name: "absolute'", operands: 2) { a, b, _, _ in
            a > 0 ? b : a < 0 ? -b : 0
        },
        Operation(opcode: UNROLL_OP_GRADIENT_OF_GREATER, name: "gradient of greater", operands: 3) {
            a, b, c, _ in a > b ? halves(c) : a < b ? 0 : c * 0.5
        },
        Operation(opcode: UNROLL_OP_MULTIPLY_ADD, name: "multiply-add", operands: 3) { a, b, c, isFused in
            product(a, b, plus: c, isFused)
        },
        Operation(opcode: UNROLL_OP_AFFINE, name: "affine", operands: 1) { a, _, _, isFused in
            product(a, Operation.scale, plus: Operation.offset, isFused)
        },
        Operation(opcode: UNROLL_OP_RELU, name: "relu", operands: 1) { a, _, _, _ in a < 0 ? 0 : a },
        Operation(opcode: UNROLL_OP_TANH_DERIVATIVE, name: "tanh'", operands: 2) { a, b, _, isFused in
            b * product(-a, a, plus: 1, isFused)
        },
        Operation(opcode: UNROLL_OP_SIGMOID_DERIVATIVE, name: "sigmoid'", operands: 2) { a, b, _, isFused in
            b * product(-a, a, plus: a, isFused)
        },
        Operation(opcode: UNROLL_OP_RELU_DERIVATIVE, name: "relu'", operands: 2) { a, b, _, _ in
            a > 0 ? b : 0
        },
        Operation(opcode: UNROLL_OP_TANH_DERIVATIVE_OF_PRODUCT, name: "tanh' of product", operands: 3) {
            a, b, c, isFused in b * c * product(-a, a, plus: 1, isFused)
        },
        Operation(opcode: UNROLL_OP_SIGMOID_DERIVATIVE_OF_PRODUCT, name: "sigmoid' of product", operands: 3) {
            a, b, c, isFused in b * c * product(-a, a, plus: a, isFused)
        },
    ]

    static let approximatedOperations = [
        Operation(opcode: UNROLL_OP_TANH, name: "tanh", operands: 1) { a, _, _, _ in tanh(a) },
        Operation(opcode: UNROLL_OP_SIGMOID, name: "sigmoid", operands: 1) { a, _, _, _ in 1 / (1 + exp(-a))
        },
        Operation(opcode: UNROLL_OP_EXP, name: "exp", operands: 1) { a, _, _, _ in exp(a) },
        Operation(opcode: UNROLL_OP_LOG, name: "log", operands: 1) { a, _, _, _ in log(a) },
        Operation(opcode: UNROLL_OP_SOFTPLUS, name: "softplus", operands: 1) { a, _, _, _ in log1p(exp(a)) },
    ]

    /// A number made of its two halves, of which the least lack a digit.
    static func halves(_ a: Float) -> Float { a * 0.5 + a * 0.5 }

    /// Operations that choose by comparing: they ask only whether these operands are greater than others.
    static let comparedOperands: [UInt32: Set<Int>] = [
        UNROLL_OP_RELU_DERIVATIVE.rawValue: [0], UNROLL_OP_ABSOLUTE_DERIVATIVE.rawValue: [0],
        UNROLL_OP_GRADIENT_OF_GREATER.rawValue: [0, 1],
    ]

    static func product(_ a: Float, _ b: Float, plus c: Float, _ isFused: Bool) -> Float {
        isFused ? c.addingProduct(a, b) : a * b + c
    }

    static let specialValues: [Float] = [
        0, -0.0, .leastNonzeroMagnitude, -0x1.8p-127, .leastNormalMagnitude, 0x1p-118, 1e-10, 0.5, -0.75, 1,
        -1,
        7.9, 88.4, -1e4, 1e19, -1e30, .greatestFiniteMagnitude, .infinity, -.infinity, .nan, -.nan,
    ]

    /// Every 10,007th number of single precision that is not negative, and its negative.
    static let everyMagnitude: [Float] = stride(from: UInt32(0), to: Float.infinity.bitPattern, by: 10_007)
        .flatMap { [Float(bitPattern: $0), -Float(bitPattern: $0)] }

    /// Runs an operation into a buffer of its own and checks the guards.
    static func run(
        _ operation: Operation, level: KernelLevel, _ a: [Float], _ b: [Float]? = nil, _ c: [Float]? = nil
    ) throws -> [Float] {
        let padding = [Float](repeating: 0, count: (32 - a.count % 32) % 32)
        let (b, c) = (b ?? a, c ?? a)
        let operands = try [a, b, c].map { try GuardedBuffer($0 + padding) }
        let d = try GuardedBuffer(untouched: a.count + padding.count)
        var instruction = operation.instruction
        try level.kernels().pointee.operate(
            &instruction, d.base, operands[0].base, operands[1].base, operands[2].base, d.count)
        for (operand, values) in zip(operands, [a, b, c]) {
            #expect(operand.isIntact, "\(level) \(operation.name)")
            #expect(
                zip(operand.values, values).allSatisfy { $0.bitPattern == $1.bitPattern },
                "\(level) \(operation.name) leaves its operands alone")
        }
        #expect(d.isIntact, "\(level) \(operation.name)")
        return Array(d.values.prefix(a.count))
    }

    @Test(arguments: KernelLevel.available()) func aBroadcastRepeatsARow(level: KernelLevel) throws {
        var noise = Noise(seed: 9)
        let row = try GuardedBuffer((0..<32).map { _ in noise.next() })
        for rows in [1, 3, 64] {
            let d = try GuardedBuffer(untouched: rows * 32)
            var instruction = Operation(opcode: UNROLL_OP_BROADCAST, name: "broadcast", operands: 1) {
                a, _, _, _ in a
            }.instruction
            try level.kernels().pointee.operate(&instruction, d.base, row.base, row.base, row.base, d.count)
            #expect(d.values == (0..<rows).flatMap { _ in row.values }, "\(level)")
            #expect(d.isIntact && row.isIntact, "\(level)")
        }
    }

    @Test(arguments: KernelLevel.available()) func tanhIsWithin6UnitsInTheLastPlace(level: KernelLevel) throws
    {
        let arguments = Self.everyMagnitude
        let results = try Self.run(Self.approximatedOperations[0], level: level, arguments)
        var greatestError = 0.0
        for (x, y) in zip(arguments, results) {
            let exact = tanh(Double(x))
            if abs(x) < 0x1p-118 {
                // The numerator is denormal here, so only a few of its digits are left.
                #expect(abs(Double(y) - exact) < 5e-43, "\(level) tanh \(x)")
            } else {
                greatestError = max(greatestError, abs(Double(y) - exact) / Double(Float(exact).ulp))
            }
            #expect(abs(y) <= 1 && y.sign == x.sign, "\(level) tanh \(x)")
            if abs(x) >= 8 { #expect(abs(y) == 1, "\(level) tanh \(x)") }
        }
        #expect(greatestError < 6, "\(level)")
    }

    /// Small sigmoids have an absolute error only: they come from a hyperbolic tangent near -1.
    @Test(arguments: KernelLevel.available()) func sigmoidIsWithinTwoToTheMinus22(level: KernelLevel) throws {
        let arguments = Self.everyMagnitude
        let results = try Self.run(Self.approximatedOperations[1], level: level, arguments)
        var greatestError = 0.0
        for (x, y) in zip(arguments, results) {
            greatestError = max(greatestError, abs(Double(y) - 1 / (1 + exp(-Double(x)))))
            #expect(y >= 0 && y <= 1, "\(level) sigmoid \(x)")
            if abs(x) >= 16 { #expect(y == (x > 0 ? 1 : 0), "\(level) sigmoid \(x)") }
        }
        #expect(greatestError < 0x1p-22, "\(level)")
    }

    /// Results under the least normal number are zero.
    @Test(arguments: KernelLevel.available()) func expIsWithin3UnitsInTheLastPlace(level: KernelLevel) throws
    {
        var noise = Noise(seed: 3)
        let arguments = Self.everyMagnitude + (0..<100_000).map { _ in noise.next() * 90 }
        let results = try Self.run(Self.approximatedOperations[2], level: level, arguments)
        let greatest = log(Double(Float.greatestFiniteMagnitude))
        var greatestError = 0.0
        for (x, y) in zip(arguments, results) {
            if Double(x) > greatest {
                #expect(y == .infinity, "\(level) exp \(x)")
            } else if x < -87.3 {
                #expect(y.bitPattern == 0, "\(level) exp \(x)")
            } else {
                let exact = exp(Double(x))
                greatestError = max(greatestError, abs(Double(y) - exact) / Double(Float(exact).ulp))
            }
        }
        #expect(greatestError < 3, "\(level)")
    }

    @Test(arguments: KernelLevel.available()) func logIsWithin1UnitInTheLastPlace(level: KernelLevel) throws {
        let arguments = Self.everyMagnitude + [1]
        let results = try Self.run(Self.approximatedOperations[3], level: level, arguments)
        var greatestError = 0.0
        for (x, y) in zip(arguments, results) where x != 0 {
            guard x > 0 else {
                #expect(y.isNaN, "\(level) log \(x)")
                continue
            }
            let exact = log(Double(x))
            greatestError = max(greatestError, abs(Double(y) - exact) / Double(Float(exact).ulp))
        }
        #expect(greatestError < 1, "\(level)")
        #expect(results.last?.bitPattern == 0, "\(level)")
    }

    /// Results under the least normal number are zero; near it an exponential's error counts.
    @Test(arguments: KernelLevel.available()) func softplusIsWithin4UnitsInTheLastPlace(
        level: KernelLevel
    ) throws {
        var noise = Noise(seed: 4)
        let arguments = Self.everyMagnitude + (0..<100_000).map { _ in noise.next() * 90 }
        let results = try Self.run(Self.approximatedOperations[4], level: level, arguments)
        var greatestError = 0.0
        for (x, y) in zip(arguments, results) {
            if x < -87.3 {
                #expect(y.bitPattern == 0, "\(level) softplus \(x)")
            } else {
                let exact = Double(max(x, 0)) + log1p(exp(-Double(abs(x))))
                greatestError = max(greatestError, abs(Double(y) - exact) / Double(Float(exact).ulp))
            }
        }
        #expect(greatestError < 4, "\(level)")
    }

    @Test(arguments: KernelLevel.available()) func functionsOfValuesThatAreNoOrdinaryNumbers(
        level: KernelLevel
    ) throws {
        let arguments: [Float] = [.nan, -.nan, .signalingNaN, .infinity, -.infinity, 0, -0.0]
        let expected: [[Float]] = [
            [.nan, .nan, .nan, 1, -1, 0, -0.0], [.nan, .nan, .nan, 1, 0, 0.5, 0.5],
            [.nan, .nan, .nan, .infinity, 0, 1, 1],
            [.nan, .nan, .nan, .infinity, .nan, -.infinity, -.infinity],
            [.nan, .nan, .nan, .infinity, 0, log(2), log(2)],
        ]
        for (operation, expected) in zip(Self.approximatedOperations, expected) {
            let results = try Self.run(operation, level: level, arguments)
            for (result, expected) in zip(results, expected) {
                #expect(Self.isSame(result, expected), "\(level) \(operation.name)")
            }
        }
    }

    /// All triples of special values, and many ordinary ones.
    @Test(arguments: KernelLevel.available(), exactOperations) func operationsAreRoundedAsTheirFormulaSays(
        level: KernelLevel, operation: Operation
    ) throws {
        var a: [Float] = []
        var b: [Float] = []
        var c: [Float] = []
        for first in Self.specialValues {
            for second in Self.specialValues {
                for third in Self.specialValues {
                    a.append(first)
                    b.append(second)
                    c.append(third)
                }
            }
        }
        var noise = Noise(seed: 1)
        for _ in 0..<10_000 {
            a.append(noise.next())
            b.append(noise.next() * 100)
            c.append(noise.next())
        }
        let results = try Self.run(operation, level: level, a, b, c)
        for index in a.indices {
            let operands = (a[index], b[index], c[index])
            let fused = operation.result(operands.0, operands.1, operands.2, true)
            let unfused = operation.result(operands.0, operands.1, operands.2, false)
            #expect(
                Self.isSame(results[index], fused)
                    || (level == .portable && Self.isSame(results[index], unfused)),
                "\(level) \(operation.name) of \(operands) is \(results[index]), should be \(fused)")
        }
    }

    /// Divergence must stay visible.
    ///
    /// What is only compared does not go into the result.
    @Test(arguments: KernelLevel.available(), exactOperations + approximatedOperations)
    func whatIsNotANumberStaysSo(level: KernelLevel, operation: Operation) throws {
        let ordinary = [Float](repeating: 0.5, count: 32)
        for operand in 0..<operation.operands {
            if Self.comparedOperands[operation.opcode.rawValue]?.contains(operand) == true { continue }
            var operands = [ordinary, ordinary, ordinary]
            operands[operand][17] = .nan
            let results = try Self.run(operation, level: level, operands[0], operands[1], operands[2])
            for (lane, result) in results.enumerated() {
                #expect(result.isNaN == (lane == 17), "\(level) \(operation.name)")
            }
        }
    }

    /// The error is at most 3 · 2⁻²⁴ of the gradient, for a value of the function's range.
    ///
    /// Where multiply-adds are fused, it is also at most 2⁻²³ of the result. A product of gradients adds half of that.
    @Test(arguments: KernelLevel.available()) func derivativesAgreeWithDoublePrecision(
        level: KernelLevel
    ) throws {
        var noise = Noise(seed: 2)
        let values = (0..<100_000).map { index in
            index % 3 == 0 ? 1 - abs(noise.next()) * 1e-4 : abs(noise.next())
        }
        let gradients = values.map { _ in noise.next() * 10 }
        let factors = values.map { _ in noise.next() }
        for (opcode, isTanh, isProduct) in [
            (UNROLL_OP_TANH_DERIVATIVE, true, false), (UNROLL_OP_SIGMOID_DERIVATIVE, false, false),
            (UNROLL_OP_TANH_DERIVATIVE_OF_PRODUCT, true, true),
            (UNROLL_OP_SIGMOID_DERIVATIVE_OF_PRODUCT, false, true),
        ] {
            let operation = try #require(Self.exactOperations.first { $0.opcode == opcode })
            let results = try Self.run(operation, level: level, values, gradients, factors)
            for (index, result) in results.enumerated() {
                let value = Double(values[index])
                let gradient = Double(gradients[index]) * (isProduct ? Double(factors[index]) : 1)
                let exact = gradient * (isTanh ? 1 - value * value : value - value * value)
                let error = abs(Double(result) - exact)
                let roundings = isProduct ? 1.5 : 1
                #expect(error <= 3 * 0x1p-24 * abs(gradient) * roundings, "\(level) \(operation.name)")
                if level != .portable {
                    #expect(error <= 0x1p-23 * abs(exact) * roundings, "\(level) \(operation.name)")
                }
            }
        }
    }

    @Test(arguments: KernelLevel.available(), exactOperations + approximatedOperations)
    func theResultMayReplaceAnyOperand(level: KernelLevel, operation: Operation) throws {
        for count in [32, 96, 1024] {
            var noise = Noise(seed: UInt64(count))
            let operands = (0..<3).map { _ in (0..<count).map { _ in noise.next() * 3 } }
            let expected = try Self.run(operation, level: level, operands[0], operands[1], operands[2])
            for replaced in 0..<operation.operands {
                let buffers = try operands.map { try GuardedBuffer($0) }
                var instruction = operation.instruction
                try level.kernels().pointee.operate(
                    &instruction, buffers[replaced].base, buffers[0].base, buffers[1].base, buffers[2].base,
                    count)
                #expect(
                    zip(buffers[replaced].values, expected).allSatisfy(Self.isSame),
                    "\(level) \(operation.name)")
                #expect(buffers[replaced].isIntact, "\(level) \(operation.name)")
            }
        }
    }

    static func isSame(_ a: Float, _ b: Float) -> Bool {
        a == b || (a.isNaN && b.isNaN)
    }
}
