import Testing
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

/// Reading several texts side by side, and states as values.
@Suite struct AdvanceTests {
    private static let cells: [any RecurrentCell.Type] = [TanhCell.self, LSTMCell.self, GRUCell.self]
    private static let tokens: [[Int32]] = (0..<7).map { t in (0..<19).map { Int32(($0 * 5 + t * 3) % 40) } }

    private func model(
        cell: any RecurrentCell.Type, hiddenSize: Int, embeddingSize: Int? = nil, vocabularySize: Int = 40
    ) throws -> (ModelConfiguration, ModelParameters) {
        let configuration = ModelConfiguration(
            cell: cell, hiddenSize: hiddenSize, layerCount: 2, embeddingSize: embeddingSize)
        return (
            configuration,
            try ModelParameters(
                for: configuration, vocabularySize: vocabularySize, initializer: .uniform, seed: 3)
        )
    }

    @Test(arguments: [0, 1, 2], [(7, nil), (33, 5), (300, nil)] as [(Int, Int?)])
    func textsSideBySideAreReadAsEachByItself(cell: Int, size: (hidden: Int, embedding: Int?)) throws {
        let (configuration, parameters) = try model(
            cell: Self.cells[cell], hiddenSize: size.hidden, embeddingSize: size.embedding)
        let reference = try ReferenceEngine(configuration: configuration, parameters: parameters)
        let engines: [any Engine] = [
            reference, try CPUEngine(configuration: configuration, parameters: parameters, threads: 2),
        ]
        for engine in engines {
            var (logits, expected) = ([Float](), [Float]())
            for tokens in Self.tokens { try engine.advance(tokens, logits: &logits) }
            let state = try engine.state
            for row in Self.tokens[0].indices {
                try reference.resetState()
                for tokens in Self.tokens { try reference.advance(tokens[row], logits: &expected) }
                for token in 0..<40 {
                    #expect(abs(logits[row * 40 + token] - expected[token]) < 1e-5)
                }
                for (actual, wanted) in zip(state.entries, reference.state.entries) {
                    for layer in 0..<2 {
                        for unit in 0..<size.hidden {
                            let value = actual.values[(layer * 19 + row) * size.hidden + unit]
                            #expect(abs(value - wanted.values[layer * size.hidden + unit]) < 1e-5)
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [40, 400])
    func theNumberOfThreadsDoesNotMatter(vocabularySize: Int) throws {
        let (configuration, parameters) = try model(
            cell: LSTMCell.self, hiddenSize: 70, vocabularySize: vocabularySize)
        let results = try [1, 2, 3].map { threads in
            let engine = try CPUEngine(
                configuration: configuration, parameters: parameters, threads: threads)
            var logits: [Float] = []
            for tokens in Self.tokens { try engine.advance(tokens, logits: &logits) }
            return (logits, try engine.recurrentState)
        }
        #expect(results[1] == results[0])
        #expect(results[2] == results[0])
    }

    @Test func aStateIsAValueToComeBackTo() throws {
        let (configuration, parameters) = try model(cell: LSTMCell.self, hiddenSize: 33)
        let engine = try CPUEngine(configuration: configuration, parameters: parameters, threads: 1)
        var logits: [Float] = []
        for token in [3, 1, 4] as [Int32] { try engine.advance(token, logits: &logits) }
        let state = try engine.recurrentState
        try engine.advance(Int32(15), logits: &logits)
        let expected = logits
        for _ in 0..<3 { try engine.advance(Int32(9), logits: &logits) }
        try engine.restoreState(state)
        #expect(try engine.recurrentState == state)
        try engine.advance(Int32(15), logits: &logits)
        #expect(logits == expected)
        #expect(try RecurrentState(state.tensors, for: configuration) == state)
    }

    @Test func rowsCanBeChosenAndJoined() throws {
        let (configuration, parameters) = try model(cell: LSTMCell.self, hiddenSize: 33)
        let engine = try CPUEngine(configuration: configuration, parameters: parameters, threads: 1)
        var logits: [Float] = []
        try engine.advance([1, 2, 3], logits: &logits)
        let state = try engine.recurrentState
        let rows = try [0, 1, 2].map { try state.rows([$0]) }
        #expect(try RecurrentState(joining: rows) == state)
        #expect(try RecurrentState(joining: [rows[2], rows[0]]) == state.rows([2, 0]))
        let tensors = state.tensors
        for (name, layer) in [("h", 0), ("c", 1)] {
            let values = try #require(tensors[name]?.values)
            #expect(
                try state.rows([1, 1]).units(of: name, layer: layer, row: 1)
                    == Array(values[(layer * 3 + 1) * 33..<(layer * 3 + 2) * 33]))
        }
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let (configuration, parameters) = try model(cell: LSTMCell.self, hiddenSize: 33)
        let (other, _) = try model(cell: GRUCell.self, hiddenSize: 33)
        let engine = try CPUEngine(configuration: configuration, parameters: parameters, threads: 1)
        var logits: [Float] = []
        #expect(throws: ParameterError.self) { try engine.advance([], logits: &logits) }
        #expect(throws: EngineError.self) { try engine.advance([1, 40], logits: &logits) }
        #expect(throws: EngineError.self) { try engine.advance([1, -1], logits: &logits) }
        try engine.advance([1, 2], logits: &logits)
        #expect(throws: EngineError.self) { try engine.advance([1, 2, 3], logits: &logits) }
        #expect(throws: EngineError.self) { try engine.advance(Int32(1), logits: &logits) }
        let state = try engine.recurrentState
        #expect(throws: EngineError.self) { try state.rows([]) }
        #expect(throws: EngineError.self) { try state.rows([2]) }
        #expect(throws: EngineError.self) { try state.units(of: "x", layer: 0) }
        #expect(throws: EngineError.self) { try RecurrentState(joining: []) }
        let different = RecurrentState(zerosFor: other)
        #expect(throws: EngineError.self) { try RecurrentState(joining: [state, different]) }
        #expect(throws: EngineError.self) { try engine.restoreState(different) }
        #expect(try engine.recurrentState == state)
    }
}
