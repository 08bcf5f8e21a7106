import DeviceCheck
import Testing
import UnrollBase
import UnrollCUDA
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollTestSupport
import UnrollText

/// The kernel that generates texts by itself: against the reference engine and `TokenSampler`.
@Suite(.enabled(if: EmulatedDevice.isAvailable, "there is no C++ compiler"))
struct SamplerTests {
    private static func engine(
        _ model: EngineModel, _ precision: Precision = .float32, seed: UInt64 = 1, multiprocessors: Int = 132
    ) throws -> (engine: CUDAEngine, device: EmulatedDevice) {
        let device = EmulatedDevice(seed: seed, multiprocessors: multiprocessors)
        let engine = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, precision: precision,
            recurrence: .grid, on: device)
        return (engine, device)
    }

    /// Lets the engine generate after a first token, and compares with a reference that reads the same tokens.
    private func compare(
        _ model: EngineModel, _ precision: Precision, count: Int = 7, atOnce longest: Int = .max
    ) throws {
        let B = model.minibatches[0].batchSize
        let (engine, device) = try Self.engine(model, precision, multiprocessors: 16)
        let reference = try ReferenceEngine(
            configuration: model.configuration, parameters: model.parameters(in: precision))
        let first = Array(model.minibatches[0].inputs[..<B])
        let texts = SampledTexts(first: first, count: count, precision: precision)
        try texts.compare(engine, with: reference) { logits, choices in
            try engine.generate(count, logits: &logits, choosing: choices, atOnce: longest)
        }
        #expect(device.launches["sample"] == (count + min(longest, count) - 1) / min(longest, count))
    }

    /// Of all kinds of formulas: others differ in what the training kernels test.
    private static let cells: [any RecurrentCell.Type] = [
        ReLUCell.self, GRUCell.self, SplitCell.self, StabilizedCell.self, VectorsCell.self, PassingCell.self,
    ]

    @Test(arguments: cells.indices) func everyCellAgreesWithTheReference(index: Int) throws {
        let model = try EngineModel(
            cell: Self.cells[index], size: EngineModelSize(T: 1, B: 9, V: 31, H: 33, L: 2, E: 33),
            zoneout: Zoneout(output: 0.1, memory: 0.2))
        try compare(model, index % 3 == 0 ? .bfloat16 : .float32)
    }

    @Test(
        arguments: [
            EngineModelSize(T: 1, B: 1, V: 2, H: 1), EngineModelSize(T: 1, B: 5, V: 7, H: 20),
            EngineModelSize(T: 1, B: 17, V: 100, H: 50, L: 3),
            EngineModelSize(T: 1, B: 3, V: 300, H: 20, L: 2, E: 7),
            EngineModelSize(T: 1, B: 2, V: 40, H: 17, E: 17, isTied: true, hasSingleBias: true),
        ])
    func oddSizesAgreeWithTheReference(size: EngineModelSize) throws {
        try compare(
            try EngineModel(cell: LSTMCell.self, size: size),
            size.B == 17 || size.B == 3 ? .bfloat16 : .float32)
    }

    @Test func launchesGoOnFromEachOther() throws {
        let model = try EngineModel(cell: GRUCell.self, size: EngineModelSize(T: 1, B: 10, V: 31, H: 20))
        try compare(model, .float32, count: 10, atOnce: 3)
    }

    /// Teams divide the texts, and threads run in any order.
    @Test(arguments: Precision.trainable) func nothingDependsOnTeamsAndOrders(precision: Precision) throws {
        let model = try EngineModel(
            cell: LSTMCell.self, size: EngineModelSize(T: 1, B: 20, V: 20, H: 20, L: 2))
        let samplers = try ConformanceChecks.samplers(20, vocabularySize: 20)
        var found: [([Int32], [Float])] = []
        for (seed, multiprocessors) in [(0, 132), (1, 132), (2, 6), (3, 13), (4, 20), (5, 6)] {
            let (engine, _) = try Self.engine(
                model, precision, seed: UInt64(seed), multiprocessors: multiprocessors)
            var logits = [Float](repeating: 0, count: 400)
            let tokens = try engine.generate(5, logits: &logits, choosing: samplers.compactMap(\.choice))
            found.append((try #require(tokens), logits))
        }
        for other in found { #expect(other.0 == found[0].0 && other.1 == found[0].1) }
    }

    @Test(arguments: [
        // Tokens are chosen from logits that are not all there, or from another warp's.
        ("while (w.x == 0 || w.y == 0 || w.z == 0 || w.w == 0)", "while (w.x == 0)"),
        ("(float*)(memory + LayerAreas::BYTES) + warp * LOGITS", "(float*)(memory + LayerAreas::BYTES)"),
        // Warps read sums that others have not stored.
        ("store(d);\n            }\n            __syncthreads();", "store(d);\n            }"),
        // A layer takes the outputs below it of the step before.
        ("sampler.outputs(layer - 1, t + 1) + first_row", "sampler.outputs(layer - 1, t) + first_row"),
    ])
    func whatIsWrongIsFoundUnderSomeSeed(text: String, other: String) throws {
        let model = try EngineModel(
            cell: TanhCell.self, size: EngineModelSize(T: 1, B: 12, V: 40, H: 20, L: 2))
        let samplers = try ConformanceChecks.samplers(12, vocabularySize: 40)
        func tokens(seed: Int, isWrong: Bool) throws -> [Int32]? {
            // One team, whose texts take turns.
            let device = EmulatedDevice(seed: UInt64(seed), multiprocessors: 7) { source in
                guard isWrong, source.contains("run_decoder") else { return source }
                #expect(source.contains(text))
                return source.replacing(text, with: other)
            }
            let engine = try CUDAEngine(
                configuration: model.configuration, parameters: model.parameters, recurrence: .grid,
                on: device)
            var logits = [Float](repeating: 0, count: 480)
            return try engine.generate(4, logits: &logits, choosing: samplers.compactMap(\.choice))
        }
        let expected = try tokens(seed: 0, isWrong: false)
        #expect((1...24).contains { seed in (try? tokens(seed: seed, isWrong: true)) != expected })
    }

    @Test func theseSizesFitIntoAnH200() throws {
        func fits(_ cell: any RecurrentCell.Type, H: Int, L: Int, V: Int) throws -> Bool {
            let model = ModelConfiguration(cell: cell, hiddenSize: H, layerCount: L)
            return try !SamplerLayout.layouts(
                of: RecurrentLayer(model, .bfloat16), layers: L, vocabularySize: V,
                on: EmulatedDevice().properties
            ).isEmpty
        }
        #expect(try fits(LSTMCell.self, H: 1024, L: 1, V: 1000))
        #expect(try fits(LSTMCell.self, H: 512, L: 2, V: 1000))
        #expect(try !fits(LSTMCell.self, H: 2048, L: 2, V: 1000))
    }

    @Test func whatDoesNotFitIsLeftToTheCaller() throws {
        let model = try EngineModel(cell: LSTMCell.self, size: EngineModelSize(T: 1, B: 1, V: 9, H: 40, L: 3))
        let (tooSmall, _) = try Self.engine(model, multiprocessors: 3)
        let steps = try CUDAEngine(
            configuration: model.configuration, parameters: model.parameters, recurrence: .steps,
            on: EmulatedDevice())
        let choice = TokenChoice(exponent: nil, source: .init(seed: 0, purpose: .generation))
        for engine in [tooSmall, steps] {
            var logits = [Float](repeating: 0.5, count: 9)
            #expect(try engine.generate(3, logits: &logits, choosing: [choice]) == nil)
            #expect(logits == [Float](repeating: 0.5, count: 9))
        }
    }

    @Test func sizesThatDoNotFitAreErrors() throws {
        let model = try EngineModel(cell: TanhCell.self, size: EngineModelSize(T: 1, B: 1, V: 9, H: 4))
        let (engine, _) = try Self.engine(model)
        let choice = TokenChoice(exponent: nil, source: .init(seed: 0, purpose: .generation))
        var logits = [Float](repeating: 0, count: 9)
        expectError(naming: "count is 0") { _ = try engine.generate(0, logits: &logits, choosing: [choice]) }
        expectError(naming: "choices.count is 0") {
            _ = try engine.generate(1, logits: &logits, choosing: [])
        }
        expectError(naming: "logits.count is 9", "18") {
            _ = try engine.generate(1, logits: &logits, choosing: [choice, choice])
        }
        try engine.advance([1, 2, 3], logits: &logits)
        logits = [Float](repeating: 0, count: 9)
        expectError(naming: "3") { _ = try engine.generate(1, logits: &logits, choosing: [choice]) }
    }

    /// Numbers that no program of ours makes are taken as the nearest that mean something.
    @Test func choicesOutOfRangeAreHarmless() throws {
        let model = try EngineModel(cell: TanhCell.self, size: EngineModelSize(T: 1, B: 1, V: 9, H: 4))
        let (engine, _) = try Self.engine(model)
        for exponent in [.infinity, 0, 1e-300] {
            let choice = TokenChoice(
                exponent: exponent, topK: 100, repetitionPenalty: 2, repetitionWindow: 1000,
                recentTokens: [-5, 99, 3] + [Int32](repeating: 1, count: 300), bannedTokens: [-1, 200, 0],
                source: .init(seed: 0, purpose: .generation))
            var logits = [Float](repeating: 0, count: 9)
            let tokens = try #require(try engine.generate(20, logits: &logits, choosing: [choice]))
            #expect(tokens.allSatisfy { (1..<9).contains($0) })
        }
    }
}
