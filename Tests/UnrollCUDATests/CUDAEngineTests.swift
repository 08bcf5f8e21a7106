import Testing
import UnrollCUDA
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// What `CUDAEngine` promises beside its numbers, on the emulator.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct CUDAEngineTests {
    private static let size = EngineModelSize(T: 3, B: 7, V: 31, H: 33, L: 2, E: 7)

    private static func model(_ size: EngineModelSize = size) throws -> EngineModel {
        try EngineModel(cell: LSTMCell.self, size: size)
    }

    private static func steps(of model: EngineModel, _ optimizer: Optimizer) -> [TrainingStep] {
        (model.minibatches + model.minibatches).enumerated().map { index, minibatch in
            TrainingStep(
                minibatch: minibatch, optimizer: optimizer,
                randomness: StepRandomness(
                    regularization: Regularization(dropout: 0.2, weightDrop: 0.2), seed: 5, step: index))
        }
    }

    @Test(arguments: [
        Optimizer(learningRate: 0.3), Optimizer(rule: .adam(), learningRate: 0.01, averaging: .mean),
    ])
    func aRunOfStepsIsTheSameAsItsSteps(optimizer: Optimizer) throws {
        let model = try Self.model()
        let steps = Self.steps(of: model, optimizer)
        let (together, apart) = (try CUDAEngine(model), try CUDAEngine(model))
        let results = try together.train(steps)
        #expect(try results == steps.map { try apart.train([$0])[0] })
        #expect(results.count == steps.count)
        #expect(try together.parameters == apart.parameters)
        #expect(try together.state == apart.state)
        #expect(try together.optimizerState == apart.optimizerState)
    }

    @Test func aRunOfMinibatchesOfSeveralShapesIsWhole() throws {
        let model = try Self.model()
        let other = try Self.model(EngineModelSize(T: 5, B: 7, V: 31, H: 33, L: 2, E: 7))
        let steps = Self.steps(of: model, Optimizer(learningRate: 0.3))
        let mixed = zip(steps, Self.steps(of: other, Optimizer(rule: .momentum(), learningRate: 0.1)))
            .flatMap { [$0, $1] }
        let (together, apart) = (try CUDAEngine(model), try CUDAEngine(model))
        #expect(try together.train(mixed) == mixed.map { try apart.train([$0])[0] })
        #expect(try together.parameters == apart.parameters)
    }

    @Test func noBitDependsOnTheOrderInWhichThreadsRun() throws {
        let model = try Self.model()
        let steps = Self.steps(of: model, Optimizer(rule: .adam(), learningRate: 0.01))
        let ordered = try CUDAEngine(model)
        let expected = try ordered.train(steps)
        for seed in 1...3 {
            let engine = try CUDAEngine(model, seed: UInt64(seed))
            #expect(try engine.train(steps) == expected)
            #expect(try engine.parameters == ordered.parameters)
        }
    }

    @Test func aRunThatIsRestoredGoesOnInEveryBit() throws {
        let model = try Self.model()
        let optimizer = Optimizer(rule: .adam(), learningRate: 0.01, averaging: .exponential(decay: 0.9))
        let steps = Self.steps(of: model, optimizer)
        let whole = try CUDAEngine(model)
        _ = try whole.train(steps)
        let first = try CUDAEngine(model)
        _ = try first.train(Array(steps[..<3]))
        let second = try CUDAEngine(
            configuration: model.configuration, parameters: first.parameters, on: EmulatedDevice())
        try second.restoreState(first.state)
        try second.restoreOptimizerState(first.optimizerState)
        _ = try second.train(Array(steps[3...]))
        #expect(try second.parameters == whole.parameters)
        #expect(try second.state == whole.state)
        #expect(try second.optimizerState == whole.optimizerState)
    }

    @Test func aRunStopsBeforeWhatIsNotFinite() throws {
        let model = try EngineModel(cell: ReLUCell.self, size: EngineModelSize(T: 3, B: 2, V: 5, H: 8))
        let engine = try CUDAEngine(model)
        let fine = TrainingStep(minibatch: model.minibatches[0], optimizer: Optimizer(learningRate: 0.1))
        // Weights of this size are not finite after the next step.
        let far = TrainingStep(
            minibatch: model.minibatches[1], optimizer: Optimizer(learningRate: 1e30, maxGradientNorm: nil))
        let results = try engine.train([fine, far, fine, fine, fine])
        #expect(results.map(\.isFinite) == [true, true, false])
        let expected = try CUDAEngine(model)
        _ = try expected.train([fine, far])
        #expect(try engine.parameters == expected.parameters)
        #expect(try engine.state == expected.state)
        #expect(try engine.optimizerState == expected.optimizerState)
    }

    @Test func aStepThatWouldThrowEndsTheRunBeforeIt() throws {
        let model = try Self.model()
        let engine = try CUDAEngine(model)
        let steps = Self.steps(of: model, Optimizer(learningRate: 0.1))
        var wrong = steps[1]
        wrong.minibatch.inputs[2] = 31
        #expect(try engine.train([steps[0], wrong, steps[1]]).count == 1)
        let parameters = try engine.parameters
        #expect(throws: EngineError.tokenOutOfRange(31, vocabularySize: 31)) { try engine.train([wrong]) }
        let other = try Self.model(EngineModelSize(T: 3, B: 5, V: 31, H: 33, L: 2, E: 7))
        #expect(throws: EngineError.stateMismatch(expected: [2, 5, 33], actual: [2, 7, 33])) {
            try engine.evaluate(other.minibatches[1])
        }
        #expect(try engine.parameters == parameters)
    }

    @Test func aStepAllocatesNothingAfterTheFirstOfItsShape() throws {
        let model = try Self.model()
        let device = EmulatedDevice()
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, on: device)
        let steps = Self.steps(of: model, Optimizer(rule: .adam(), learningRate: 0.01))
        _ = try engine.train([steps[0]])
        _ = try engine.evaluate(model.minibatches[0])
        let count = device.memory.allocationCount
        _ = try engine.train(steps)
        _ = try engine.evaluate(model.minibatches[0])
        _ = try engine.train(steps)
        #expect(device.memory.allocationCount == count)
    }

    @Test func everythingIsGivenBack() throws {
        let model = try Self.model()
        let device = EmulatedDevice()
        do {
            let engine = try CUDAEngine(
                configuration: model.configuration, parameters: model.parameters, on: device)
            _ = try engine.train(Self.steps(of: model, Optimizer(rule: .adam(), learningRate: 0.01)))
            let other = try engine.sharingParameters(threads: nil)
            #expect(try other.evaluate(model.minibatches[0]) == engine.evaluate(model.minibatches[0]))
        }
        #expect(device.memory.liveAllocations == 0)
        #expect(throws: Never.self) { try device.memory.check() }
    }

    @Test func whatDoesNotFitIsRefusedWithTheEstimate() throws {
        let model = try Self.model()
        let device = EmulatedDevice(memory: 1 << 20)
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, on: device)
        #expect(throws: Never.self) {
            try engine.checkMemory(
                sequenceLength: 3, batchSize: 7, optimizer: Optimizer(), regularization: Regularization())
        }
        func isRefused(_ error: any Error) -> Bool {
            guard case .outOfMemory(let needed, let available, _) = error as? CUDAError else { return false }
            return needed > available && available <= 1 << 20
        }
        #expect {
            try engine.checkMemory(
                sequenceLength: 100, batchSize: 64, optimizer: Optimizer(), regularization: Regularization())
        } throws: { isRefused($0) }
        let large = try Self.model(EngineModelSize(T: 100, B: 64, V: 31, H: 33, L: 2, E: 7))
        #expect { try engine.train(on: large.minibatches[0], with: Optimizer()) } throws: { isRefused($0) }
        #expect {
            try engine.checkMemory(
                sequenceLength: .max, batchSize: .max, optimizer: Optimizer(),
                regularization: Regularization())
        } throws: { error in
            if case .arrayTooLarge = error as? CUDAError { true } else { false }
        }
        // It can go on with less.
        #expect(try engine.train(on: model.minibatches[0], with: Optimizer()).isFinite)
    }

    @Test func anOldGPUHasFloat32Alone() throws {
        let model = try Self.model()
        let device = EmulatedDevice(capability: ComputeCapability(7, 5))
        let error = CUDAError.unsupportedPrecision(
            "bfloat16", name: "the emulator", capability: "7.5", needed: "8.0")
        #expect(throws: error) {
            try CUDAEngine(
                configuration: model.configuration, parameters: model.parameters, precision: .bfloat16,
                on: device)
        }
        #expect(throws: Never.self) {
            try CUDAEngine(configuration: model.configuration, parameters: model.parameters, on: device)
        }
    }

    /// Lines of text have many lengths; each of them once needs no graph.
    @Test func manyShapesOfMinibatchesAreNotKept() throws {
        let model = try Self.model(EngineModelSize(T: 1, B: 1, V: 5, H: 1))
        let engine = try CUDAEngine(model)
        for length in 1...100 {
            var minibatch = Minibatch()
            minibatch.reshape(sequenceLength: length, batchSize: 1, continuesState: false)
            #expect(try engine.evaluate(minibatch).isFinite)
        }
    }

    @Test(arguments: [
        EngineModelSize(T: 7, B: 1, V: 28, H: 33), EngineModelSize(T: 3, B: 4, V: 300, H: 31, L: 2),
    ])
    func probabilitiesAreMeansOfNetworkAndCounts(size: EngineModelSize) throws {
        let device = EmulatedDevice()
        try InterpolatedModel(size).check(
            EngineMaker { configuration, parameters, settings in
                try CUDAEngine(
                    configuration: configuration, parameters: parameters, precision: settings.precision,
                    on: device)
            })
    }
}
