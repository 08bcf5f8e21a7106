import CUnrollKernels
import Testing
import UnrollKernels

/// The update of parameters by every rule, against its formula in double precision.
@Suite struct UpdateTests {
    static let rules = [
        UNROLL_RULE_SGD, UNROLL_RULE_MOMENTUM, UNROLL_RULE_NESTEROV, UNROLL_RULE_RMSPROP, UNROLL_RULE_ADAM,
    ]

    /// Numbers that are all of consequence, and none like another.
    private func update(_ rule: UnrollRule, shrinks: Bool, averages: Bool) -> UnrollUpdate {
        UnrollUpdate(
            rule: rule, gradient_scale: 0.7, weight_decay: rule == UNROLL_RULE_SGD ? 0 : 0.05,
            shrinkage: shrinks ? 0.11 : 0, rate: 0.37, momentum: 0.8, momentum_share: 0.3, square_decay: 0.9,
            square_share: 0.15, root_scale: 1.3, epsilon: 0.1, average_share: averages ? 0.21 : 0)
    }

    /// A parameter with all that belongs to it.
    private struct Item {
        var parameter, momentum, square, average: Double

        mutating func apply(_ update: UnrollUpdate, gradient: Double) {
            var gradient = gradient
            if update.rule != UNROLL_RULE_SGD {
                gradient = Double(update.gradient_scale) * gradient + Double(update.weight_decay) * parameter
            }
            parameter -= Double(update.shrinkage) * parameter
            var direction = gradient
            if [UNROLL_RULE_MOMENTUM, UNROLL_RULE_NESTEROV, UNROLL_RULE_ADAM].contains(update.rule) {
                momentum = Double(update.momentum) * momentum + Double(update.momentum_share) * gradient
                direction = momentum
            }
            if update.rule == UNROLL_RULE_NESTEROV {
                direction = gradient + Double(update.momentum) * momentum
            }
            if [UNROLL_RULE_RMSPROP, UNROLL_RULE_ADAM].contains(update.rule) {
                square =
                    Double(update.square_decay) * square + Double(update.square_share) * gradient * gradient
                direction /= Double(update.root_scale) * square.squareRoot() + Double(update.epsilon)
            }
            parameter -= Double(update.rate) * direction
            average += Double(update.average_share) * (parameter - average)
        }
    }

    @Test(arguments: KernelLevel.available(), rules.indices)
    func everyRuleIsItsFormula(level: KernelLevel, rule: Int) throws {
        let kernels = try level.kernels().pointee
        let rule = Self.rules[rule]
        let hasMomentum = [UNROLL_RULE_MOMENTUM, UNROLL_RULE_NESTEROV, UNROLL_RULE_ADAM].contains(rule)
        let hasSquare = [UNROLL_RULE_RMSPROP, UNROLL_RULE_ADAM].contains(rule)
        for (count, shrinks, averages) in [
            (0, true, true), (32, false, false), (64, true, false), (992, false, true), (96, true, true),
        ] {
            var noise = Noise(seed: 2)
            func buffer(_ value: (Float) -> Float = { $0 }) throws -> GuardedBuffer {
                try GuardedBuffer((0..<count).map { _ in value(noise.next()) })
            }
            let (parameters, gradients, momentum) = (try buffer(), try buffer(), try buffer())
            let (square, average) = (try buffer { abs($0) }, try buffer())
            var items = (0..<count).map {
                Item(
                    parameter: Double(parameters.base[$0]), momentum: Double(momentum.base[$0]),
                    square: Double(square.base[$0]), average: Double(average.base[$0]))
            }
            let given = gradients.values
            var update = update(rule, shrinks: shrinks, averages: averages)
            kernels.update(
                &update, parameters.base, gradients.base, hasMomentum ? momentum.base : nil,
                hasSquare ? square.base : nil, averages ? average.base : nil, count)
            for index in items.indices {
                items[index].apply(update, gradient: Double(given[index]))
                func isClose(_ actual: GuardedBuffer, _ expected: Double) -> Bool {
                    // A few roundings of numbers up to a few units in size.
                    abs(Double(actual.base[index]) - expected) < 4e-6 * max(1, abs(expected))
                }
                #expect(isClose(parameters, items[index].parameter), "\(level) \(rule) \(count)")
                #expect(isClose(momentum, items[index].momentum), "\(level) \(rule) \(count)")
                #expect(isClose(square, items[index].square), "\(level) \(rule) \(count)")
                #expect(isClose(average, items[index].average), "\(level) \(rule) \(count)")
            }
            #expect(gradients.values == given, "\(level)")
            let buffers = [parameters, gradients, momentum, square, average]
            #expect(buffers.allSatisfy { $0.isIntact }, "\(level)")
        }
    }

    /// Figures of earlier versions depend on every bit of it.
    @Test(arguments: KernelLevel.available(), [0, 32, 64, 992]) func plainSGDIsOneMultiplyAdd(
        level: KernelLevel, count: Int
    ) throws {
        var noise = Noise(seed: 2)
        let before = (0..<count).map { _ in noise.next() }
        let parameters = try GuardedBuffer(before)
        let gradients = try GuardedBuffer((0..<count).map { _ in noise.next() })
        var update = UnrollUpdate()
        update.rule = UNROLL_RULE_SGD
        update.rate = 0.37
        // Of no consequence, as the rate has it in it.
        update.gradient_scale = 0.5
        try level.kernels().pointee.update(&update, parameters.base, gradients.base, nil, nil, nil, count)
        for index in 0..<count {
            let fused = before[index].addingProduct(-update.rate, gradients.base[index])
            let unfused = before[index] - update.rate * gradients.base[index]
            let actual = parameters.base[index]
            #expect(actual == fused || (level == .portable && actual == unfused), "\(level)")
        }
        #expect(parameters.isIntact && gradients.isIntact, "\(level)")
    }

    /// Padding is zero in parameters, gradients and slots alike and must not drift.
    @Test(arguments: KernelLevel.available(), rules.indices)
    func zerosStayZero(level: KernelLevel, rule: Int) throws {
        let buffers = try (0..<5).map { _ in try GuardedBuffer([Float](repeating: 0, count: 64)) }
        var update = update(Self.rules[rule], shrinks: true, averages: true)
        try level.kernels().pointee.update(
            &update, buffers[0].base, buffers[1].base, buffers[2].base, buffers[3].base, buffers[4].base, 64)
        #expect(buffers.allSatisfy { $0.values.allSatisfy { $0 == 0 } && $0.isIntact }, "\(level)")
    }
}
