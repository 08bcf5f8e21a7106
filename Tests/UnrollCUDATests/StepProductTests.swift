import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// Step products, whose factors are kept in bfloat16: against the reference engine, against the step kernels, and in many
/// orders of threads and of copies.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct StepProductTests {
    private static let cells = EngineModel.cells + EngineModel.inputCells

    private static func engine(
        _ model: EngineModel, on device: EmulatedDevice, _ kernels: RecurrenceKernels = .products
    ) throws -> CUDAEngine {
        try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: .bfloat16,
            recurrence: kernels, on: device)
    }

    /// A device of so many multiprocessors that tiles have 64 rows whatever the minibatch, and others need not be compiled.
    private static func largeDevice(
        seed: UInt64 = 0, edit: @escaping @Sendable (String) -> String = { $0 }
    ) -> EmulatedDevice {
        EmulatedDevice(seed: seed, multiprocessors: 1 << 20, edit: edit)
    }

    /// A device on which minibatches of more than 64 rows have tiles of 128, as it runs one block at a time.
    private static func smallDevice(seed: UInt64 = 0) -> EmulatedDevice {
        EmulatedDevice(seed: seed, multiprocessors: 1)
    }

    private static func rows(of engine: CUDAEngine, forRows count: Int) throws -> Int {
        guard case .products(let layout) = engine.recurrence.choice(forRows: count) else {
            Issue.record("\(engine.recurrence)")
            return 0
        }
        return layout.rows
    }

    /// Compares losses and gradients of all minibatches with the reference engine's.
    private func compare(_ model: EngineModel, on device: EmulatedDevice, hasKinks: Bool = false) throws {
        let engine = try Self.engine(model, on: device)
        for (minibatch, expected) in zip(model.minibatches, try model.reference(in: .bfloat16)) {
            let (loss, gradients) = try engine.gradients(on: minibatch)
            #expect(abs(loss / expected.meanLoss - 1) < Precision.bfloat16.tolerance.loss)
            for (actual, wanted) in zip(gradients.entries, expected.gradients.entries) where !hasKinks {
                #expect(
                    actual.values.difference(from: wanted.values) < Precision.bfloat16.tolerance.gradient,
                    "\(actual.name)")
            }
            let mean = try engine.evaluate(minibatch) / Double(minibatch.tokenCount)
            #expect(abs(mean / expected.meanLoss - 1) < Precision.bfloat16.tolerance.loss)
        }
        let launches = device.launches
        #expect(launches["step_forward"] == nil && launches["step_backward"] == nil)
        #expect(launches["product_forward"].map { $0 > 0 } == true)
    }

    @Test(arguments: cells.indices) func everyCellAgreesWithTheReference(index: Int) throws {
        let cell = Self.cells[index]
        let model = try EngineModel(cell: cell, size: EngineModelSize(T: 4, B: 9, V: 31, H: 33, L: 2, E: 33))
        try compare(
            model, on: Self.largeDevice(seed: UInt64(index)), hasKinks: EngineModel.isKinked(cell))
    }

    /// One unit and one row, and sizes that are no multiple of anything, in one tile and in several.
    @Test(
        arguments: [
            EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 5, B: 70, V: 7, H: 20),
            EngineModelSize(T: 2, B: 130, V: 31, H: 65, E: 7), EngineModelSize(T: 2, B: 3, V: 7, H: 333),
        ], [TanhCell.self, LSTMCell.self] as [any RecurrentCell.Type])
    func oddSizesAgreeWithTheReference(size: EngineModelSize, cell: any RecurrentCell.Type) throws {
        try compare(try EngineModel(cell: cell, size: size), on: Self.largeDevice(seed: 1))
    }

    /// Tiles of 128 rows, some of which are past the last.
    @Test(arguments: [TanhCell.self, LSTMCell.self, SplitCell.self] as [any RecurrentCell.Type])
    func tallTilesAgreeWithTheReference(cell: any RecurrentCell.Type) throws {
        let model = try EngineModel(cell: cell, size: EngineModelSize(T: 2, B: 150, V: 7, H: 65))
        let engine = try Self.engine(model, on: Self.smallDevice())
        #expect(try Self.rows(of: engine, forRows: 64) == 64)
        #expect(try Self.rows(of: engine, forRows: 150) == 128)
        try compare(model, on: Self.smallDevice(seed: 3))
    }

    /// Many gates, of which a tile has those of few units.
    @Test func cellsOfManyGatesAgreeWithTheReference() throws {
        let model = try EngineModel(
            cell: ManyGatesCell.self, size: EngineModelSize(T: 3, B: 9, V: 7, H: 21))
        try compare(model, on: Self.largeDevice(seed: 2))
    }

    @Test(arguments: [LSTMCell.self, GRUCell.self, SplitCell.self] as [any RecurrentCell.Type])
    func theSameIsLeftOutAsInTheReference(cell: any RecurrentCell.Type) throws {
        let model = try EngineModel(
            cell: cell, size: EngineModelSize(T: 7, B: 7, V: 31, H: 33, L: 2, E: 7),
            zoneout: Zoneout(output: 0.1, memory: 0.2))
        let reference = try ReferenceEngine(
            configuration: model.configuration, parameters: model.parameters(in: .bfloat16))
        let engine = try Self.engine(model, on: Self.largeDevice(seed: 2))
        let tolerance = Precision.bfloat16.tolerance
        for usesVariationalDropout in [false, true] {
            let regularization = Regularization(
                dropout: 0.2, usesVariationalDropout: usesVariationalDropout, embeddingDropout: 0.3,
                weightDrop: 0.3)
            for (step, minibatch) in model.minibatches.enumerated() {
                let randomness = StepRandomness(regularization: regularization, seed: 77, step: step)
                let expected = try reference.gradients(on: minibatch, randomness: randomness)
                let actual = try engine.gradients(on: minibatch, randomness: randomness)
                #expect(abs(actual.meanLoss / expected.meanLoss - 1) < tolerance.loss)
                for (actual, wanted) in zip(actual.gradients.entries, expected.gradients.entries) {
                    #expect(
                        actual.values.difference(from: wanted.values) < 2 * tolerance.gradient,
                        "\(actual.name)")
                }
                _ = try reference.evaluate(minibatch)
                _ = try engine.evaluate(minibatch)
            }
        }
    }

    /// Sums are in another order than the step kernels', but of the same numbers.
    @Test(arguments: [TanhCell.self, GRUCell.self] as [any RecurrentCell.Type])
    func trainingIsThatOfTheStepKernels(cell: any RecurrentCell.Type) throws {
        let model = try EngineModel(cell: cell, size: EngineModelSize(T: 3, B: 19, V: 7, H: 33, L: 2))
        let optimizer = Optimizer(learningRate: 0.1, maxGradientNorm: 0.5)
        // The first step runs by itself, and the eight after it are a graph.
        let steps = (0..<3).flatMap { _ in model.minibatches }.map {
            TrainingStep(minibatch: $0, optimizer: optimizer)
        }
        let usual = try Self.engine(model, on: Self.largeDevice(), .steps)
        let products = try Self.engine(model, on: Self.largeDevice(seed: 4))
        for (actual, wanted) in zip(try products.train(steps), try usual.train(steps)) {
            // A state that is rounded the other way, once in a while, is another by 1/256.
            #expect(abs(actual.meanLoss / wanted.meanLoss - 1) < 1e-3)
            #expect(abs(actual.gradientNorm / wanted.gradientNorm - 1) < 5e-3)
        }
        for (actual, wanted) in zip(try products.parameters.entries, try usual.parameters.entries) {
            let difference = actual.values.map(Double.init)
                .difference(from: wanted.values.map(Double.init))
            #expect(difference < 5e-3, "\(actual.name)")
        }
    }

    @Test func bitsAreTheSameInEveryOrder() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 4, B: 70, V: 7, H: 65))
        var first: NamedTensors<Double>?
        for seed in UInt64(0)..<12 {
            let engine = try Self.engine(model, on: Self.largeDevice(seed: seed))
            _ = try engine.evaluate(model.minibatches[0])
            let gradients = try engine.gradients(on: model.minibatches[1]).gradients
            #expect(first == nil || gradients == first, "seed \(seed)")
            first = gradients
        }
    }

    @Test func advancingEqualsEvaluating() throws {
        let model = try EngineModel(
            cell: GRUCell.self, size: EngineModelSize(T: 7, B: 3, V: 31, H: 33, L: 2, E: 33))
        let engine = try Self.engine(model, on: Self.largeDevice(seed: 3))
        let other = try engine.sharingParameters(threads: nil)
        #expect(other.recurrence == engine.recurrence)
        for minibatch in model.minibatches {
            let whole = try engine.evaluate(minibatch)
            #expect(abs(try other.lossOfAdvancing(through: minibatch) / whole - 1) < 1e-5)
            #expect(try other.state == engine.state)
        }
        // Texts are generated in one launch only where persistent kernels may run.
        var logits = [Float](repeating: 0, count: 31)
        let choice = TokenChoice(
            exponent: 1, bannedTokens: [], source: RandomSource(seed: 1, purpose: .generation))
        #expect(try engine.generate(3, logits: &logits, choosing: [choice]) == nil)
    }

    /// What each barrier of a tile is there for.
    @Test(arguments: [
        ("            wait_for_copies<STAGES - 2>();\n", ""),
        ("wait_for_copies<STAGES - 2>();", "wait_for_copies<STAGES - 1>();"),
        ("            __syncthreads();\n            bring(", "            bring("),
    ])
    func aMissingWaitIsFoundInEveryOrder(text: String, replacement: String) throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 2, B: 70, V: 7, H: 300))
        for seed in UInt64(0)..<4 {
            let device = Self.largeDevice(seed: seed) { source in
                source.replacing(text, with: replacement)
            }
            let error = #expect(throws: CUDAError.self) {
                _ = try Self.engine(model, on: device).gradients(on: model.minibatches[0])
            }
            #expect(error?.description.contains(": something is on the way to byte") == true)
        }
    }

    @Test func sumsThatOverwriteStagesTooEarlyAreFound() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 2, B: 70, V: 7, H: 65))
        let right = try Self.engine(model, on: Self.largeDevice()).gradients(on: model.minibatches[0])
        let isRight = try (0..<4 as Range<UInt64>).map { seed in
            let device = Self.largeDevice(seed: seed) {
                $0.replacing("        __syncthreads();\n        write();", with: "        write();")
            }
            return try Self.engine(model, on: device).gradients(on: model.minibatches[0]) == right
        }
        #expect(isRight.contains(false))
    }
}

/// Nine gates, more than a tile has of 32 units.
private enum ManyGatesCell: RecurrentCell {
    static let name = "many-gates"
    static let gates = ["a", "b", "c", "d", "e", "f", "g", "i", "j"]
    static let states = ["h"]

    static func step(_ gates: GateValues, _ previous: StateValues) -> StateValues {
        let first = sigmoid(gates.a) * tanh(gates.b) + sigmoid(gates.c) * tanh(gates.d)
        let second = sigmoid(gates.e) * tanh(gates.f) + sigmoid(gates.g) * tanh(gates.i)
        return ["h": 0.4 * (first + second) + 0.2 * sigmoid(gates.j) * previous.h]
    }
}
