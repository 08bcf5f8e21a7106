import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension ConformanceChecks {
    /// A case whose reference is computed while earlier cases run on the GPU.
    private struct Case {
        let name: String
        let model: CheckedModel
        let precision: Precision
        let tolerance: (loss: Double, tensor: Double)
        let regularization: Regularization?
        let expected: Task<[CheckedModel.Expected], any Error>

        init(
            _ name: String, _ model: CheckedModel, _ precision: Precision,
            tolerance: (loss: Double, tensor: Double), _ regularization: Regularization? = nil
        ) {
            (self.name, self.model, self.precision) = (name, model, precision)
            (self.tolerance, self.regularization) = (tolerance, regularization)
            expected = Task.detached { try model.reference(in: precision, regularization) }
        }
    }

    /// Losses, gradients and states over minibatches in a row.
    func gradients(
        of cells: [any RecurrentCell.Type], _ sizes: [ModelSize],
        in precisions: [Precision] = Precision.trainable
    ) async {
        var cases: [Case] = []
        for cell in cells {
            for size in sizes {
                guard let model = try? CheckedModel(cell, size) else {
                    preconditionFailure("the cells and sizes of this program are within their ranges")
                }
                cases += precisions.map {
                    Case("\(cell.name) \(size) \($0)", model, $0, tolerance: $0.tolerance)
                }
            }
        }
        await compare(cases, "gradients")
    }

    /// Everything that a step leaves out at random.
    func regularizations(of cells: [any RecurrentCell.Type], _ sizes: [ModelSize]) async {
        let kinds: [(String, Regularization, Zoneout)] = [
            ("dropout", .init(dropout: 0.4), .init()),
            ("variational dropout", .init(dropout: 0.4, usesVariationalDropout: true), .init()),
            ("embedding dropout", .init(embeddingDropout: 0.4), .init()),
            ("weight drop", .init(weightDrop: 0.4), .init()),
            ("label smoothing", .init(labelSmoothing: 0.2), .init()),
            ("zoneout", .init(), .init(output: 0.2, memory: 0.4)),
            (
                "everything",
                .init(dropout: 0.2, embeddingDropout: 0.1, weightDrop: 0.3, labelSmoothing: 0.1),
                .init(output: 0.1, memory: 0.2)
            ),
        ]
        var cases: [Case] = []
        for cell in cells {
            for size in sizes {
                for (name, regularization, zoneout) in kinds {
                    guard let model = try? CheckedModel(cell, size, zoneout: zoneout, minibatchCount: 2)
                    else {
                        preconditionFailure("the cells and sizes of this program are within their ranges")
                    }
                    cases += Precision.trainable.map {
                        let tolerance = (loss: $0.tolerance.loss, tensor: 2 * $0.tolerance.tensor)
                        return Case(
                            "\(name) \(cell.name) \(size) \($0)", model, $0, tolerance: tolerance,
                            regularization)
                    }
                }
            }
        }
        await compare(cases, "regularization")
    }

    private func compare(_ cases: [Case], _ check: String) async {
        for item in cases {
            await report.check(check, item.name) { try await outcome(of: item) }
        }
    }

    private func outcome(of item: Case) async throws -> CheckLine {
        var line = CheckLine()
        let engine = try engine(of: item.model, item.precision)
        for (step, expected) in try await item.expected.value.enumerated() {
            let minibatch = item.model.minibatches[step]
            let (loss, gradients) = try engine.gradients(
                on: minibatch,
                randomness: item.regularization.map {
                    StepRandomness(regularization: $0, seed: 77, step: step)
                })
            line.compare(loss: loss, with: expected.meanLoss, within: item.tolerance.loss)
            line.require(
                gradients.entries.map(\.name) == expected.gradients.entries.map(\.name),
                "the gradients have other names")
            // Where a rectifier is near zero, a rounded state may switch its gradient on or off.
            if item.precision == .float32 || item.model.configuration.cell != ReLUCell.self {
                for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) {
                    line.compare(
                        actual.name, actual.values, with: wanted.values, within: item.tolerance.tensor)
                }
            }
            line.compare(
                loss: try engine.evaluate(minibatch), with: expected.nats, within: item.tolerance.loss)
            for (actual, wanted) in zip(try engine.state.entries, expected.state.entries) {
                line.compare(
                    "state \(actual.name)", actual.values.map(Double.init),
                    with: wanted.values.map(Double.init),
                    within: item.tolerance.tensor)
            }
        }
        return line
    }

    /// Logits of one token after the other, of one text and of several.
    func advance(sizes: [ModelSize]) async {
        for cell in [TanhCell.self, LSTMCell.self, ThreeStatesCell.self] as [any RecurrentCell.Type] {
            for size in sizes {
                for precision in Precision.trainable {
                    await report.check("advance", "\(cell.name) \(size) \(precision)") {
                        var line = CheckLine()
                        let model = try CheckedModel(cell, size)
                        let engine = try engine(of: model, precision)
                        let reference = try ReferenceEngine(
                            configuration: model.configuration, parameters: model.rounded(to: precision))
                        var (actual, wanted): ([Float], [Float]) = ([], [])
                        for step in 0..<size.T {
                            let tokens = Array(
                                model.minibatches[0].inputs[step * size.B..<(step + 1) * size.B])
                            try engine.advance(tokens, logits: &actual)
                            try reference.advance(tokens, logits: &wanted)
                            line.compare(
                                "logits", actual.map(Double.init), with: wanted.map(Double.init),
                                within: precision.tolerance.tensor)
                        }
                        return line
                    }
                }
            }
        }
    }
}
