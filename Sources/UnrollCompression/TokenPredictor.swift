import UnrollEngine

/// What says which tokens are probable: the same on both sides, whatever the number of threads.
protocol TokenPredictor: AnyObject {
    var engine: CPUEngine { get }
    /// The last token of each lane, which `predict` reads and the caller then replaces by the next ones.
    var tokens: [Int32] { get set }

    /// Prepares for a block of so many tokens, in lanes of which the first goes on where the last one of the block
    /// before has ended; `tokens` has one for each.
    func begin(tokenCount: Int) throws(EngineError)

    /// Writes the logits of each lane's next token, `[B, V]`.
    func predict(_ logits: inout [Float]) throws(EngineError)
}

extension TokenPredictor {
    /// Makes so many lanes go on from those that there are; `state` is changed to theirs.
    func rearrange(_ state: inout RecurrentState, lanes: Int) throws(EngineError) {
        let rows = (0..<lanes).map { ($0 + tokens.count - 1) % tokens.count }
        state = try state.rows(rows)
        tokens = rows.map { tokens[$0] }
    }
}

/// A trained model, whose parameters stay as they are.
final class ModelPredictor: TokenPredictor {
    let engine: CPUEngine
    var tokens: [Int32] = [0]
    /// As before anything was read, or after the last block.
    private var state: RecurrentState

    /// Lanes are computed at once, which is faster, but each begins with what another has read.
    private static let tokensPerLane = 8192
    private static let maximumLanes = 64

    init(_ engine: CPUEngine) {
        self.engine = engine
        state = RecurrentState(zerosFor: engine.configuration)
    }

    func begin(tokenCount: Int) throws(EngineError) {
        engine.copyState(to: &state)
        let lanes = min(max(1, tokenCount / Self.tokensPerLane), Self.maximumLanes)
        try rearrange(&state, lanes: lanes)
        try engine.restoreState(state)
    }

    func predict(_ logits: inout [Float]) throws(EngineError) {
        try engine.advance(tokens, logits: &logits)
    }
}
