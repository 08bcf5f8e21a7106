import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Learned vectors in the engines, beside what `ConformanceTests` and `OracleTests` find of every cell.
@Suite struct LearnedVectorsTests {
    static let cells: [any RecurrentCell.Type] = [
        PeepholeCell.self, LearnedLeakCell.self, VectorsCell.self, ShiftedCell.self, IdleVectorCell.self,
        VectorStateCell.self,
    ]

    /// Panels with padding, layers, and a batch that is trained in parts, whose gradients are added up.
    static let sizes = [
        EngineModelSize(T: 5, B: 3, V: 7, H: 33, L: 2), EngineModelSize(T: 3, B: 70, V: 300, H: 65, E: 7),
        EngineModelSize(T: 2, B: 131, V: 9, H: 5),
    ]

    @Test(arguments: cells.indices, sizes)
    func gradientsAgreeWithTheReference(cell: Int, size: EngineModelSize) throws {
        let model = try EngineModel(cell: Self.cells[cell], size: size)
        for precision in Precision.trainable { try checkGradients(of: model, in: precision) }
    }

    private func checkGradients(of model: EngineModel, in precision: Precision) throws {
        let expected = try model.reference(in: precision)
        let tolerance = precision == .float32 ? 1e-5 : 3e-2
        for threads in [1, 2] {
            let engine = try CPUEngine(
                configuration: model.configuration, parameters: model.parameters, precision: precision,
                threads: threads)
            for (minibatch, expected) in zip(model.minibatches, expected) {
                let gradients = try engine.gradients(on: minibatch).gradients
                for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) {
                    let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
                    #expect(
                        greatestDifference(actual.values, wanted.values) / scale < tolerance,
                        "\(actual.name)")
                }
                _ = try engine.evaluate(minibatch)
            }
        }
    }

    @Test func derivativesAreSlopes() throws {
        for cell in Self.cells {
            #expect(try GradientCheck.greatestError(of: cell) < 1e-8, "\(cell.name)")
        }
    }

    /// Zoneout, dropout and weight drop beside them.
    @Test(arguments: cells.indices)
    func theSameIsLeftOutAsInTheReference(cell: Int) throws {
        let model = try EngineModel(
            cell: Self.cells[cell], size: EngineModelSize(T: 4, B: 5, V: 11, H: 33, L: 2, E: 7),
            zoneout: Zoneout(output: 0.2, memory: Self.cells[cell].states.count > 1 ? 0.3 : 0))
        let reference = try ReferenceEngine(configuration: model.configuration, parameters: model.parameters)
        let engine = try CPUEngine(configuration: model.configuration, parameters: model.parameters)
        let regularization = Regularization(dropout: 0.2, weightDrop: 0.3)
        for (step, minibatch) in model.minibatches.enumerated() {
            let randomness = StepRandomness(regularization: regularization, seed: 7, step: step)
            let expected = try reference.gradients(on: minibatch, randomness: randomness).gradients
            let actual = try engine.gradients(on: minibatch, randomness: randomness).gradients
            for (actual, wanted) in zip(actual.entries, expected.entries) {
                let scale = wanted.values.reduce(1e-12) { max($0, abs($1)) }
                #expect(greatestDifference(actual.values, wanted.values) / scale < 1e-5, "\(actual.name)")
            }
            _ = try (reference.evaluate(minibatch), engine.evaluate(minibatch))
        }
    }

    /// A model needs the memory that its vectors' gradients take for every step.
    @Test func theEstimateCountsThem() {
        func bytes(_ cell: any RecurrentCell.Type) -> Double {
            MemoryEstimate.bytes(
                configuration: ModelConfiguration(cell: cell, hiddenSize: 480), vocabularySize: 30,
                sequenceLength: 35, batchSize: 32)
        }
        let perToken = 4.0 * 512 * 35 * 32
        #expect(bytes(IdleVectorCell.self) - bytes(TanhCell.self) >= perToken)
        #expect(bytes(IdleVectorCell.self) - bytes(TanhCell.self) < 1.1 * perToken)
    }
}
