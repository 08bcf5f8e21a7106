import Foundation
import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// An n-gram model beside a network, in engines that know nothing of it.
@Suite struct InterpolatedEngineTests {
    static let makers: [(name: String, maker: EngineMaker)] = [("cpu", .cpu), ("reference", .reference)]
    static let sizes = [
        EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 7, B: 1, V: 28, H: 33),
        EngineModelSize(T: 5, B: 9, V: 31, H: 7, L: 2),
        EngineModelSize(T: 3, B: 4, V: 300, H: 31, L: 2, E: 31, isTied: true),
    ]

    @Test(arguments: makers.indices, sizes)
    func probabilitiesAreMeansOfBoth(maker: Int, size: EngineModelSize) throws {
        try InterpolatedModel(size).check(Self.makers[maker].maker)
    }

    @Test(arguments: [1, 2, 16]) func everyOrderGoesOnFromStates(order: Int) throws {
        let model = try InterpolatedModel(EngineModelSize(T: 6, B: 2, V: 28, H: 9), order: order)
        let (engine, other) = (try model.engine(.cpu), try model.engine(.cpu))
        var (logits, expected) = ([Float](), [Float]())
        for token in 0..<20 as Range<Int32> {
            try engine.advance([token % 4, 3 - token % 3], logits: &expected)
        }
        try other.restoreState(engine.recurrentState)
        try engine.advance([1, 2], logits: &expected)
        try other.advance([1, 2], logits: &logits)
        #expect(logits == expected)
    }

    @Test(arguments: makers.indices)
    func textsAreReadTokenByTokenAsInMinibatches(maker: Int) throws {
        let model = try InterpolatedModel(EngineModelSize(T: 6, B: 1, V: 28, H: 9))
        let (engine, reader) = (try model.engine(Self.makers[maker].maker), try model.engine(.cpu))
        var logits: [Float] = []
        for minibatch in model.model.minibatches {
            // Each continues the one before.
            var minibatch = minibatch
            minibatch.continuesState = true
            _ = try engine.evaluate(minibatch)
            for step in 0..<minibatch.sequenceLength {
                try reader.advance(minibatch.inputs[step], logits: &logits)
                let sum = logits.reduce(0.0) { $0 + exp(Double($1)) }
                #expect(abs(sum - 1) < 1e-5)
                let loss = -Double(logits[Int(minibatch.targets[step])])
                #expect(abs(loss / (try engine.loss(step: step, row: 0)) - 1) < 1e-4)
            }
        }
    }

    @Test(arguments: makers.indices)
    func severalTextsAreReadAsEachByItself(maker: Int) throws {
        let model = try InterpolatedModel(EngineModelSize(T: 6, B: 3, V: 28, H: 9))
        let together = try model.engine(Self.makers[maker].maker)
        let minibatch = model.model.minibatches[0]
        let alone = try (0..<3).map { _ in try together.sharingParameters(threads: 1) }
        var (all, one) = ([Float](), [Float]())
        for step in 0..<minibatch.sequenceLength {
            let tokens = Array(minibatch.inputs[step * 3..<step * 3 + 3])
            try together.advance(tokens, logits: &all)
            for row in 0..<3 {
                try alone[row].advance(tokens[row], logits: &one)
                for (token, logit) in one.enumerated() { #expect(abs(all[row * 28 + token] - logit) < 1e-4) }
            }
        }
        // Rows that are taken out, put together and given to another engine go on as they were.
        let states = try alone.map { try $0.recurrentState }
        #expect(try together.recurrentState.rows([2, 0]).history == states[2].history + states[0].history)
        let other = try model.engine(Self.makers[maker].maker)
        try other.restoreState(try RecurrentState(joining: [states[2], states[0]]))
        try other.advance([5, 6], logits: &all)
        for (row, text) in [(0, 2), (1, 0)] {
            try alone[text].advance(Int32(5 + row), logits: &one)
            for (token, logit) in one.enumerated() { #expect(abs(all[row * 28 + token] - logit) < 1e-4) }
        }
        try other.resetState()
        #expect(try other.recurrentState.history.allSatisfy { $0 == -1 })
    }

    @Test func theNetworkLearnsAsByItself() throws {
        let model = try InterpolatedModel(EngineModelSize(T: 6, B: 3, V: 28, H: 9))
        let (both, network) = (try model.engine(.cpu), try model.network(.cpu))
        let reader = try model.engine(.cpu)
        for minibatch in model.model.minibatches {
            try reader.restoreState(both.recurrentState)
            // Each from the parameters before its update.
            let expected = try model.engine(.cpu, parameters: both.parameters)
            try expected.restoreState(both.recurrentState)
            let loss = try expected.evaluate(minibatch) / Double(minibatch.tokenCount)
            let optimizer = Optimizer(rule: .sgd, learningRate: 0.5)
            #expect(try both.train(on: minibatch, with: optimizer).meanLoss == loss)
            _ = try network.train(on: minibatch, with: optimizer)
            #expect(try both.parameters == network.parameters)
            #expect(try both.state == network.state)
        }
    }

    @Test func withoutCountsItIsTheNetwork() throws {
        let model = try InterpolatedModel(EngineModelSize(T: 6, B: 3, V: 28, H: 9))
        let network = try model.network(.cpu)
        #expect(network.interpolated(with: nil) === network)
    }

    @Test func aNetworkThatHasDivergedIsNoticed() throws {
        let model = try InterpolatedModel(EngineModelSize(T: 6, B: 3, V: 28, H: 9))
        var parameters = model.model.parameters
        let last = parameters.entries.count - 1
        parameters.entries[last].values[3] = .nan
        let engine = try model.engine(.cpu, parameters: parameters)
        #expect(try !engine.evaluate(model.model.minibatches[0]).isFinite)
        var logits: [Float] = []
        try engine.resetState()
        try engine.advance(1, logits: &logits)
        #expect(logits.contains { !$0.isFinite })
    }
}
