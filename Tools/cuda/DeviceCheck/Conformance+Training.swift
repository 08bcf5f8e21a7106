import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension ConformanceChecks {
    /// Parameters and what the optimizer keeps after three steps.
    func optimizers(size: ModelSize, rules: [Optimizer.Rule]) async {
        for rule in rules {
            for (name, averaging) in [
                ("", .none), (" mean", .mean), (" exponential", .exponential(decay: 0.9)),
            ] as [(String, Optimizer.Averaging)] {
                for precision in Precision.trainable {
                    await report.check("optimizer", "\(rule.name)\(name) \(size) \(precision)") {
                        try trained(size, Self.optimizer(rule, averaging), precision)
                    }
                }
            }
        }
    }

    private func trained(_ size: ModelSize, _ optimizer: Optimizer, _ precision: Precision) throws
        -> CheckLine
    {
        var line = CheckLine()
        let model = try CheckedModel(GRUCell.self, size)
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try engine(of: model, precision)
        for step in model.steps(with: optimizer) {
            let wanted = try reference.train([step])[0]
            let actual = try engine.train([step])[0]
            line.compare(loss: actual.meanLoss, with: wanted.meanLoss, within: precision.tolerance.loss)
        }
        try compare(engine, with: reference, &line, within: precision == .float32 ? 1e-5 : 2e-2)
        if optimizer.averaging != .none {
            try engine.exchangeParametersWithAverage()
            reference.exchangeParametersWithAverage()
            try compare(engine, with: reference, &line, within: precision == .float32 ? 1e-5 : 2e-2)
        }
        if size.hasSingleBias {
            let biases = try engine.parameters.entries.filter { $0.name.contains("bias_hh") }
            line.require(
                biases.allSatisfy { $0.values.allSatisfy { $0 == 0 } }, "a bias that stays zero does not")
        }
        return line
    }

    private func compare(
        _ engine: any Engine, with reference: any Engine, _ line: inout CheckLine, within tolerance: Double
    ) throws {
        let (actual, wanted) = (try engine.optimizerState, try reference.optimizerState)
        line.require(
            actual.steps == wanted.steps && actual.averagedSteps == wanted.averagedSteps,
            "the optimizer has counted other steps")
        let pairs = [
            (try engine.parameters, try reference.parameters, 1.0),
            // What the optimizer keeps are gradients, whose errors are larger.
            (actual.slots, wanted.slots, 4.0),
        ]
        for (actual, wanted, factor) in pairs {
            line.require(actual.entries.map(\.name) == wanted.entries.map(\.name), "tensors have other names")
            for (actual, wanted) in zip(actual.entries, wanted.entries) {
                line.compare(
                    actual.name, actual.values.map(Double.init), with: wanted.values.map(Double.init),
                    within: tolerance * factor)
            }
        }
    }

    /// A step that does not grow beyond what single precision follows.
    private static func optimizer(
        _ rule: Optimizer.Rule, _ averaging: Optimizer.Averaging = .none
    ) -> Optimizer {
        let isAdaptive = rule.slots.contains(.square)
        return Optimizer(
            rule: rule, learningRate: isAdaptive ? 0.01 : 0.1, maxGradientNorm: 0.5, weightDecay: 0.01,
            averaging: averaging)
    }

    /// A new engine with what another one has goes on as that one, bit for bit.
    func resumption() async {
        for rule in [Optimizer.Rule.sgd, .nesterov(), .adamw()] {
            for precision in Precision.trainable {
                await report.check("resumption", "\(rule.name) \(precision)") {
                    var line = CheckLine()
                    let model = try CheckedModel(
                        LSTMCell.self, .init(T: 7, B: 33, V: 31, H: 65, L: 2, E: 7), minibatchCount: 6)
                    let steps = model.steps(with: Self.optimizer(rule, .mean))
                    let engine = try engine(of: model, precision)
                    _ = try engine.train(Array(steps[..<3]))
                    let other = try make(model.configuration, try engine.parameters, precision)
                    try other.restoreState(try engine.state)
                    try other.restoreOptimizerState(try engine.optimizerState)
                    let results = try [engine, other].map { try $0.train(Array(steps[3...])) }
                    line.require(results[0] == results[1], "losses differ")
                    try requireSame(engine, other, &line)
                    return line
                }
            }
        }
    }

    /// A step whose loss is not finite leaves everything as it is.
    func divergence() async {
        for precision in Precision.trainable {
            await report.check("divergence", "\(precision)") {
                var line = CheckLine()
                let model = try CheckedModel(
                    ReLUCell.self, .init(T: 7, B: 7, V: 31, H: 33), minibatchCount: 4)
                var steps = model.steps(with: Self.optimizer(.adam(), .mean))
                // The second step's parameters are so large that the third one's loss is not finite.
                steps[1].optimizer.learningRate = 1e30
                let engine = try engine(of: model, precision)
                let results = try engine.train(steps)
                line.require(results.count == 3, "there are \(results.count) results, not 3")
                line.require(results.last?.isFinite == false, "the last result is finite")
                let other = try self.engine(of: model, precision)
                _ = try other.train(Array(steps[..<2]))
                try requireSame(engine, other, &line)
                // Again, as the first step of a call.
                line.require(try engine.train([steps[2]]).map(\.isFinite) == [false], "it is finite at last")
                try requireSame(engine, other, &line)
                return line
            }
        }
    }

    /// Several steps in a call are single steps, bit for bit, and so is a repetition: results do not depend on timing.
    func runs() async {
        let regularization = Regularization(dropout: 0.2, weightDrop: 0.3, labelSmoothing: 0.1)
        let sizes: [(any RecurrentCell.Type, ModelSize, Regularization?)] = [
            (GRUCell.self, .init(T: 7, B: 33, V: 31, H: 65, L: 2, E: 7), regularization),
            (TanhCell.self, .init(T: 35, B: 32, V: 28, H: 512), nil),
            (LSTMCell.self, .init(T: 35, B: 32, V: 28, H: 512), nil),
        ]
        for (cell, size, regularization) in sizes {
            for precision in Precision.trainable {
                await report.check("runs", "\(cell.name) \(size) \(precision)") {
                    var line = CheckLine()
                    let model = try CheckedModel(cell, size, minibatchCount: 6)
                    let steps = model.steps(
                        with: Self.optimizer(.adam(), .mean), regularization: regularization)
                    let engine = try engine(of: model, precision)
                    let single = try steps.flatMap { try engine.train([$0]) }
                    for _ in 0..<3 {
                        let other = try self.engine(of: model, precision)
                        line.require(try other.train(steps) == single, "losses differ")
                        try requireSame(engine, other, &line)
                    }
                    return line
                }
            }
        }
    }

    /// Models of the sizes that are trained, which double precision is too slow for, against the CPU's engine.
    func largeModels() async {
        await large([
            (TanhCell.self, .init(T: 35, B: 32, V: 28, H: 512)),
            (LSTMCell.self, .init(T: 35, B: 32, V: 100, H: 512)),
            (GRUCell.self, .init(T: 35, B: 64, V: 28, H: 512)),
            (MinimalGatedUnit.self, .init(T: 35, B: 512, V: 28, H: 256)),
            (LSTMCell.self, .init(T: 10, B: 64, V: 28, H: 1024, L: 2)),
            (LSTMCell.self, .init(T: 7, B: 32, V: 5000, H: 256, E: 256, isTied: true)),
        ])
    }

    /// Minibatches of many rows in bfloat16, with and without a rest beside whole tiles.
    func manyRows() async {
        await gradients(
            of: Self.cells,
            [.init(T: 5, B: 130, V: 31, H: 65, L: 2, E: 7), .init(T: 3, B: 257, V: 7, H: 100)],
            in: [.bfloat16])
        await regularizations(of: [GRUCell.self], [.init(T: 3, B: 70, V: 31, H: 33, L: 2, E: 7)])
        await large(
            [
                (TanhCell.self, .init(T: 10, B: 512, V: 28, H: 512)),
                (LSTMCell.self, .init(T: 10, B: 512, V: 28, H: 512)),
                (GRUCell.self, .init(T: 5, B: 1024, V: 28, H: 256)),
            ], in: [.bfloat16])
    }

    private func large(
        _ sizes: [(any RecurrentCell.Type, ModelSize)], in precisions: [Precision] = Precision.trainable
    ) async {
        for (cell, size) in sizes {
            for precision in precisions {
                await report.check("large", "\(cell.name) \(size) \(precision)") {
                    var line = CheckLine()
                    let model = try CheckedModel(cell, size, minibatchCount: 2)
                    let engine = try engine(of: model, precision)
                    let other = try CPUEngine(
                        configuration: model.configuration, parameters: model.parameters, precision: precision
                    )
                    // Both round.
                    let factor = precision == .float32 ? 5.0 : 1
                    for minibatch in model.minibatches {
                        let (loss, gradients) = try engine.gradients(on: minibatch)
                        let (wantedLoss, wanted) = try other.gradients(on: minibatch)
                        line.compare(loss: loss, with: wantedLoss, within: factor * precision.tolerance.loss)
                        for (actual, wanted) in zip(gradients.entries, wanted.entries) {
                            line.compare(
                                actual.name, actual.values, with: wanted.values,
                                within: factor * precision.tolerance.tensor)
                        }
                        line.compare(
                            loss: try engine.evaluate(minibatch), with: try other.evaluate(minibatch),
                            within: factor * precision.tolerance.loss)
                    }
                    return line
                }
            }
        }
    }

    private func requireSame(_ engine: any Engine, _ other: any Engine, _ line: inout CheckLine) throws {
        line.require(try engine.parameters == other.parameters, "parameters differ")
        line.require(try engine.optimizerState == other.optimizerState, "the optimizer's states differ")
        line.require(try engine.state == other.state, "states differ")
    }
}
