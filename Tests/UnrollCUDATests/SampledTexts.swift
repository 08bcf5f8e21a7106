import DeviceCheck
import Testing
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel

/// Texts of an engine that chooses tokens by itself, against `TokenSampler` and an engine that does not.
struct SampledTexts {
    /// What each text begins with.
    let first: [Int32]
    /// Tokens that are chosen of each.
    let count: Int
    let precision: Precision

    /// Lets the engine generate after the first tokens, and compares with a reference that reads the same tokens.
    func compare(
        _ engine: any Engine, with reference: any Engine,
        generating generate: (inout [Float], [TokenChoice]) throws -> [Int32]?
    ) throws {
        let (B, V) = (first.count, engine.vocabularySize)
        var logits: [Float] = [], expected: [Float] = []
        try engine.advance(first, logits: &logits)
        try reference.advance(first, logits: &expected)
        var samplers = try ConformanceChecks.samplers(B, vocabularySize: V)
        for row in 0..<B { samplers[row].observe([first[row]]) }
        let tokens = try #require(try generate(&logits, samplers.compactMap(\.choice)))
        #expect(tokens.count == count * B)
        for t in 0..<count {
            let chosen = Array(tokens[t * B..<(t + 1) * B])
            for row in 0..<B where precision == .float32 {
                let wanted = try samplers[row].choose(from: Array(expected[row * V..<(row + 1) * V]))
                #expect(chosen[row] == wanted, "token \(t) of text \(row)")
                samplers[row].observe(generated: wanted)
            }
            try reference.advance(chosen, logits: &expected)
        }
        #expect(areClose(logits, expected))
        for (actual, wanted) in zip(try engine.state.entries, try reference.state.entries) {
            #expect(areClose(actual.values, wanted.values), "\(actual.name)")
        }
        #expect(try engine.recurrentState.history == reference.recurrentState.history)
        // What was carried before is not what is carried now.
        var after = logits
        try engine.advance(Array(tokens.suffix(B)), logits: &after)
        try reference.advance(Array(tokens.suffix(B)), logits: &expected)
        #expect(areClose(after, expected))
    }

    private func areClose(_ actual: [Float], _ wanted: [Float]) -> Bool {
        let tolerance: Float = precision == .float32 ? 1e-4 : 0.1
        return actual.count == wanted.count
            && zip(actual, wanted).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
    }
}
