import DeviceCheck
import Testing
import UnrollCUDA
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// The kernel that generates texts with an n-gram model beside the network, against engines that leave both to the processor.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct InterpolatedSamplerTests {
    private static func maker(on device: EmulatedDevice) -> EngineMaker {
        EngineMaker { configuration, parameters, settings in
            try CUDAEngine(
                configuration: configuration, parameters: parameters, precision: settings.precision,
                recurrence: .grid, on: device)
        }
    }

    private func compare(_ model: InterpolatedModel, _ precision: Precision = .float32, count: Int = 9) throws
    {
        // Few blocks for few tokens, so that texts take turns.
        let device = EmulatedDevice(
            seed: 1, multiprocessors: model.ngrams.vocabularySize > 100 ? 132 : 16)
        let engine = try model.engine(Self.maker(on: device), precision: precision)
        let reference = try model.engine(.reference, parameters: model.model.parameters(in: precision))
        let minibatch = model.model.minibatches[0]
        let texts = SampledTexts(
            first: Array(minibatch.inputs[..<minibatch.batchSize]), count: count, precision: precision)
        try texts.compare(engine, with: reference) { logits, choices in
            try engine.generate(count, logits: &logits, choosing: choices)
        }
        #expect(device.launches["sample"] == 1)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 16]) func everyOrderAgreesWithTheReference(order: Int) throws {
        let size = EngineModelSize(T: 1, B: 9, V: 31, H: 20)
        try compare(InterpolatedModel(size, cell: GRUCell.self, order: order, weight: 0.7), count: 12)
    }

    @Test(
        arguments: [
            EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 1, B: 5, V: 7, H: 20),
            EngineModelSize(T: 1, B: 17, V: 100, H: 50, L: 3),
            // More tokens than a block has threads.
            EngineModelSize(T: 1, B: 3, V: 700, H: 100, L: 2, E: 7),
            EngineModelSize(T: 1, B: 2, V: 40, H: 17, E: 17, isTied: true, hasSingleBias: true),
        ])
    func oddSizesAgreeWithTheReference(size: EngineModelSize) throws {
        try compare(InterpolatedModel(size, order: 5, weight: 0.5), size.B == 17 ? .bfloat16 : .float32)
    }

    @Test func launchesGoOnFromEachOther() throws {
        let model = try InterpolatedModel(
            EngineModelSize(T: 1, B: 10, V: 31, H: 20), cell: GRUCell.self, order: 4, weight: 0.7)
        let device = EmulatedDevice(seed: 1)
        let choices = try ConformanceChecks.samplers(10, vocabularySize: 31).compactMap(\.choice)
        var found: [([Int32], [Float])] = []
        for longest in [Int.max, 4, 1] {
            let engine = try #require(try model.network(Self.maker(on: device)) as? CUDAEngine)
            var logits = [Float](repeating: 0, count: 310)
            let tokens = try engine.generate(
                10, logits: &logits, choosing: choices, beside: model.texts(10), atOnce: longest)
            found.append((try #require(tokens), logits))
        }
        #expect(found[1] == found[0])
        #expect(found[2] == found[0])
        #expect(device.launches["sample"] == 1 + 3 + 10)
    }

    @Test func textsGoOnFromStates() throws {
        let model = try InterpolatedModel(
            EngineModelSize(T: 1, B: 3, V: 31, H: 20), order: 4, weight: 0.7)
        let engine = try model.engine(Self.maker(on: EmulatedDevice(seed: 1)))
        let samplers = try ConformanceChecks.samplers(3, vocabularySize: 31)
        func generate(_ count: Int, _ logits: inout [Float], after tokens: [Int32] = []) throws -> [Int32] {
            var samplers = samplers
            for (place, token) in tokens.enumerated() { samplers[place % 3].observe(chosen: token) }
            return try #require(
                try engine.generate(count, logits: &logits, choosing: samplers.compactMap(\.choice)))
        }
        var start: [Float] = []
        for tokens in [[1, 2, 3], [3, 1, 0], [0, 3, 2]] as [[Int32]] {
            try engine.advance(tokens, logits: &start)
        }
        let state = try engine.recurrentState
        var logits = start
        let tokens = try generate(9, &logits)
        // The same again, in two parts of which the first is shorter than the history.
        try engine.restoreState(state)
        var others = start
        let part = try generate(2, &others)
        #expect(try part + generate(7, &others, after: part) == tokens)
        #expect(zip(logits, others).allSatisfy { abs($0 - $1) < 1e-4 })
        // The processor goes on from there.
        let processor = try model.engine(.cpu)
        try processor.restoreState(engine.recurrentState)
        try processor.advance([1, 2, 3], logits: &logits)
        try engine.advance([1, 2, 3], logits: &others)
        #expect(zip(logits, others).allSatisfy { abs($0 - $1) < 1e-4 })
        // Texts that begin know nothing of those before.
        try engine.resetState()
        try processor.resetState()
        logits = start
        let begun = try generate(1, &logits)
        try processor.advance(begun, logits: &others)
        #expect(zip(logits, others).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func enginesOfOneNetworkShareTheTables() throws {
        let model = try InterpolatedModel(
            EngineModelSize(T: 1, B: 1, V: 31, H: 20), cell: GRUCell.self, order: 4, weight: 0.7)
        let device = EmulatedDevice()
        let choices = try ConformanceChecks.samplers(1, vocabularySize: 31).compactMap(\.choice)
        let engine = try model.engine(Self.maker(on: device))
        var found: [[Int32]] = [], allocations: [Int] = []
        for engine in [engine, try engine.sharingParameters(threads: 1), engine] {
            let before = device.memory.allocationCount
            var logits = [Float](repeating: 0, count: 31)
            found.append(try #require(try engine.generate(5, logits: &logits, choosing: choices)))
            allocations.append(device.memory.allocationCount - before)
            try engine.resetState()
        }
        #expect(found[1] == found[0])
        #expect(found[2] == found[0])
        // Tables and what a launch works in; the latter; nothing.
        #expect(allocations == [2, 1, 0])
    }

    @Test func withoutMemoryTheProcessorGoesOn() throws {
        let model = try InterpolatedModel(
            EngineModelSize(T: 1, B: 2, V: 31, H: 20), cell: GRUCell.self, order: 5, weight: 0.7)
        let device = EmulatedDevice()
        let choices = try ConformanceChecks.samplers(2, vocabularySize: 31).compactMap(\.choice)
        let engine = try model.engine(Self.maker(on: device)), processor = try model.engine(.cpu)
        var logits: [Float] = [], expected: [Float] = []
        try engine.advance([1, 2], logits: &logits)
        try processor.advance([1, 2], logits: &expected)
        let limit = device.memory.limit, before = logits, allocations = device.memory.allocationCount
        // Room for nothing at all, and then for the tables alone.
        for free in [100, 8 * (1 + model.ngrams.contextCount + model.ngrams.nodeCount) * 3 / 2 + 100] {
            device.memory.limit = device.memory.allocatedBytes + free
            #expect(try engine.generate(4, logits: &logits, choosing: choices) == nil)
            #expect(logits == before)
        }
        #expect(device.memory.allocationCount == allocations + 1)
        try engine.advance([3, 4], logits: &logits)
        try processor.advance([3, 4], logits: &expected)
        #expect(zip(logits, expected).allSatisfy { abs($0 - $1) < 1e-4 })
        device.memory.limit = limit
        #expect(try engine.generate(4, logits: &logits, choosing: choices) != nil)
    }

    @Test func whatDoesNotFitIsLeftToTheCaller() throws {
        let model = try InterpolatedModel(EngineModelSize(T: 1, B: 1, V: 31, H: 20))
        let other = try InterpolatedModel(EngineModelSize(T: 1, B: 1, V: 32, H: 20))
        let engine = try #require(
            try model.network(Self.maker(on: EmulatedDevice())) as? any NGramSampling)
        let choices = try ConformanceChecks.samplers(1, vocabularySize: 31).compactMap(\.choice)
        var logits = [Float](repeating: 0.5, count: 31)
        #expect(
            try engine.generate(3, logits: &logits, choosing: choices, beside: other.texts(1)) == nil)
        #expect(logits == [Float](repeating: 0.5, count: 31))
        expectError(naming: "histories.count is 4", "2") {
            _ = try engine.generate(3, logits: &logits, choosing: choices, beside: model.texts(2))
        }
        // The reference and step kernels leave it to the caller, too.
        #expect(try model.engine(.reference).generate(3, logits: &logits, choosing: choices) == nil)
        let steps = try model.engine(.cuda(on: EmulatedDevice()))
        #expect(try steps.generate(3, logits: &logits, choosing: choices) == nil)
    }

    @Test(arguments: [
        // Warps have each other's probabilities, and texts each other's contexts.
        ("expected = sampler.expected + number * VOCABULARY", "expected = sampler.expected"),
        ("chooser.nodes + (size_t)row * ngrams.order", "chooser.nodes"),
        // Lanes read what others have not written, or no longer find.
        ("// Other lanes had these tokens.\n            warp_barrier();", ""),
        (
            "warp_barrier();\n        if (is_context) nodes[lane + 1] = next;",
            "if (is_context) nodes[lane + 1] = next;"
        ),
        // The first logits are mixed twice, contexts do not go on, and levels count alike.
        ("if (ngrams.order > 0 && t >= sampler.first_mixed)", "if (ngrams.order > 0)"),
        ("ngrams.append(of_row[t - 1], nodes);", ""),
        ("share *= freed[node];", ""),
    ])
    func whatIsWrongIsFoundUnderSomeSeed(text: String, other: String) throws {
        let model = try InterpolatedModel(
            EngineModelSize(T: 1, B: 12, V: 40, H: 20, L: 2), cell: TanhCell.self, order: 4, weight: 0.8)
        let choices = try ConformanceChecks.samplers(12, vocabularySize: 40).compactMap(\.choice)
        func texts(seed: Int, isWrong: Bool) throws -> ([Int32], [Float])? {
            let device = EmulatedDevice(seed: UInt64(seed), multiprocessors: 7) { source in
                guard isWrong, source.contains("run_decoder") else { return source }
                #expect(source.contains(text))
                return source.replacing(text, with: other)
            }
            var logits = [Float](repeating: 0, count: 480)
            let tokens = try model.engine(Self.maker(on: device)).generate(
                6, logits: &logits, choosing: choices)
            return tokens.map { ($0, logits) }
        }
        let expected = try #require(try texts(seed: 0, isWrong: false))
        #expect(
            (1...24).contains { seed in
                guard let found = try? texts(seed: seed, isWrong: true) else { return true }
                return found.0 != expected.0 || found.1 != expected.1
            })
    }
}
