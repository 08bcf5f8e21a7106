import UnrollBase
import UnrollEngine
import UnrollGeneration
import UnrollKernels
import UnrollModel
import UnrollText

/// Predicts the next tokens: the same on both sides, whatever the number of threads.
protocol TokenPredictor: AnyObject {
    var engine: any Engine { get }
    /// The last token of each lane, which `predict` reads and the caller then replaces by the next ones.
    var tokens: [Int32] { get set }

    /// Prepares for a block of so many tokens, in lanes of which the first continues where the last one of the block before
    /// has ended; `tokens` has one for each.
    func begin(tokenCount: Int) throws

    /// Writes the logits of each lane's next token, `[B, V]`.
    func predict(_ logits: inout [Float]) throws
}

extension TokenPredictor {
    /// Continues with so many lanes from the present ones; `state` is changed to theirs.
    func rearrange(_ state: inout RecurrentState, lanes: Int) throws(EngineError) {
        let rows = (0..<lanes).map { ($0 + tokens.count - 1) % tokens.count }
        state = try state.rows(rows)
        tokens = rows.map { tokens[$0] }
    }
}

/// A trained model, whose parameters do not change.
final class ModelPredictor: TokenPredictor {
    let engine: any Engine
    var tokens: [Int32] = [0]
    /// The state before anything was read, or after the last block.
    private var state: RecurrentState

    /// Lanes are computed at once, which is faster, but each starts with what another has read.
    private static let tokensPerLane = 8192
    private static let maximumLanes = 64

    init(_ engine: any Engine) {
        self.engine = engine
        state = RecurrentState(zerosFor: engine.configuration)
    }

    func begin(tokenCount: Int) throws {
        try engine.copyState(to: &state)
        let lanes = min(max(1, tokenCount / Self.tokensPerLane), Self.maximumLanes)
        try rearrange(&state, lanes: lanes)
        try engine.restoreState(state)
    }

    func predict(_ logits: inout [Float]) throws {
        try engine.advance(tokens, logits: &logits)
    }
}

/// A network that starts with random parameters and learns from what it has predicted, a few tokens later.
///
/// Every number here is part of the format, as another one gives other probabilities.
final class LearningPredictor: TokenPredictor {
    let engine: any Engine
    var tokens: [Int32] = [0]
    /// The state before the tokens in `minibatch`.
    private var state: RecurrentState
    /// The tokens since the last update, and those that followed.
    private var minibatch = Minibatch()
    private var steps = 0
    private var updates = 0
    private var blocks = 0

    private static let stepsPerUpdate = 12
    private static let configuration = ModelConfiguration(cell: LSTMCell.self, hiddenSize: 256)
    private static let greatestRate: Float = 0.005
    /// Updates in which the rate falls to 2^-3/4 of that.
    private static let rateDecay: Float = 4000

    init(vocabularySize: Int, _ settings: EngineSettings, _ maker: EngineMaker) throws {
        let parameters = try ModelParameters(
            for: Self.configuration, vocabularySize: vocabularySize, initializer: .uniform, seed: 0)
        var settings = settings
        // Steps of one to four lanes are so small that threads would mostly wait for one another.
        settings.threads = settings.threads ?? 1
        engine = try maker.engine(
            configuration: Self.configuration, parameters: parameters, settings: settings)
        state = RecurrentState(zerosFor: Self.configuration, batchSize: 1)
    }

    func begin(tokenCount: Int) throws {
        if steps > 0 { try learn() }
        // The fewer lanes, the sooner it learns from what it reads, and the slower it is.
        try rearrange(&state, lanes: 1 << min(blocks, 2))
        blocks += 1
        try engine.restoreState(state)
        clear()
    }

    func predict(_ logits: inout [Float]) throws {
        if steps == Self.stepsPerUpdate { try learn() }
        minibatch.inputs.replaceSubrange(steps * tokens.count..<(steps + 1) * tokens.count, with: tokens)
        steps += 1
        try engine.advance(tokens, logits: &logits)
    }

    /// Returns to the start of the minibatch and learns to predict what followed.
    private func learn() throws {
        minibatch.targets = minibatch.inputs
        minibatch.targets.removeFirst(tokens.count)
        minibatch.targets.insert(contentsOf: tokens, at: (steps - 1) * tokens.count)
        minibatch.reshape(sequenceLength: steps, batchSize: tokens.count, continuesState: true)
        // To the power of -3/4, with roots, which have one result everywhere.
        let root = (1 + Float(updates) / Self.rateDecay).squareRoot()
        let rate = Self.greatestRate / (root * root.squareRoot())
        try engine.restoreState(state)
        _ = try engine.train(
            on: minibatch, with: Optimizer(rule: .adam(), learningRate: rate, maxGradientNorm: 1))
        try engine.copyState(to: &state)
        updates += 1
        clear()
    }

    private func clear() {
        minibatch.reshape(
            sequenceLength: Self.stepsPerUpdate, batchSize: tokens.count, continuesState: true)
        steps = 0
    }
}

/// The network that predicts a text that is compressed.
enum CodingNetwork {
    case model(LanguageModel)
    /// A network that learns while it predicts; its tokens are these bytes, in ascending order.
    case adaptive(alphabet: [UInt8], EngineMaker)

    var vocabulary: Vocabulary {
        get throws {
            switch self {
            case .model(let model): model.vocabulary
            case .adaptive(let alphabet, _):
                try Corpus(bytes: alphabet, name: "alphabet", tokens: .bytes).vocabulary
            }
        }
    }

    /// What identifies it in the header.
    var signature: CompressedHeader.Signature {
        get throws(ModelError) {
            switch self {
            case .model(let model): .model(CompressedHeader.bytes(ofFingerprint: try model.fingerprint))
            case .adaptive(let alphabet, _): .adaptive(alphabet: alphabet)
            }
        }
    }

    func predictor(_ settings: EngineSettings) throws -> any TokenPredictor {
        switch self {
        case .model(let model): ModelPredictor(try model.makeEngine(settings))
        case .adaptive(let alphabet, let maker):
            try LearningPredictor(vocabularySize: alphabet.count + 1, settings, maker)
        }
    }
}
