import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// Generates several continuations of one prompt side by side, which takes far less time than one after another.
    ///
    /// Sample `i` is chosen as `generate` would with the seed `options.seed + i`: the same text, except where two tokens
    /// are so nearly equally probable that the order of additions in the network decides.
    ///
    /// - Parameters:
    ///   - prompt: What the model reads first; it is not part of the samples.
    ///   - count: The number of samples, in 1...100000.
    ///   - options: How much to generate, and how.
    ///   - threads: Threads that compute. Default: as many as there are processors.
    /// - Returns: The samples, each with a summary.
    /// - Throws: What ``read(_:after:precision:threads:)`` throws, `ParameterError` for `count` or an option that is out
    ///   of range, `GenerationError` for banned tokens or a model whose output is not finite.
    @concurrent public func generateSamples(
        after prompt: String, count: Int, options: TextGenerationOptions = TextGenerationOptions(),
        threads: Int? = nil
    ) async throws -> [GeneratedText] {
        try options.check(for: self)
        try ParameterError.require(
            Self.sampleCounts.contains(count), "count", is: count, but: "in \(Self.sampleCounts)")
        let begin = ContinuousClock.now
        var state = try read(prompt, precision: options.precision, threads: threads)
        let promptTokenCount = state.tokenCount
        let lastToken = try takeBackLastToken(of: &state, options, threads: threads)
        let promptDuration = begin.duration(to: .now)
        // A part for each thread, which then waits for no other, unless the parts would be too small.
        let usesDevice = try engines(precision: options.precision).usesDevice(threads: threads)
        let threads = usesDevice ? 1 : threads ?? WorkerPool.processorCount
        let partCount = max(1, min(threads, count / Self.leastSamplesOfThread))
        return try await withThrowingTaskGroup(of: (Int, [GeneratedText]).self) { group in
            for part in 0..<partCount {
                let indices = WorkerPool.share(of: count, part: part, of: partCount)
                group.addTask { [state] in
                    var batch = try SampleBatch(
                        self, from: state, lastToken, indices: indices, options: options,
                        promptTokenCount: promptTokenCount, promptDuration: promptDuration)
                    try engines(precision: options.precision).withEngine(
                        threads: partCount == 1 ? threads : 1
                    ) { try batch.run(on: $0) }
                    return (part, batch.samples)
                }
            }
            return try await group.reduce(into: [[GeneratedText]](repeating: [], count: partCount)) {
                $0[$1.0] = $1.1
            }.flatMap { $0 }
        }
    }

    private static var sampleCounts: ClosedRange<Int> { 1...100_000 }
    private static var leastSamplesOfThread: Int { 8 }
}

/// Continuations side by side; those that have ended leave the batch.
private struct SampleBatch {
    private let vocabularySize: Int
    private let promptTokenCount: Int
    private let promptDuration: Duration
    private let start = ContinuousClock.now
    private var continuations: [Continuation]
    /// The state after each sample; recurrent state and logits are those of the prompt until it ends.
    private var states: [GenerationState]
    private var texts: [String]
    private var summaries: [GenerationSummary?]
    /// The samples that continue, by their rows in the batch.
    private var active: [Int]
    private var recurrentState: RecurrentState
    /// The logits of the rows, `[B, V]`.
    private var logits: [Float]
    private var tokens: [Int32] = []
    private let hasStops: Bool
    private var run: TokenRun

    init(
        _ model: LanguageModel, from prompt: GenerationState, _ lastToken: LastToken?, indices: Range<Int>,
        options: TextGenerationOptions, promptTokenCount: Int, promptDuration: Duration
    ) throws {
        let count = indices.count
        vocabularySize = model.vocabulary.count
        self.promptTokenCount = promptTokenCount
        self.promptDuration = promptDuration
        hasStops = !options.stopStrings.isEmpty
        run = TokenRun(for: model.configuration)
        continuations = try indices.map { index in
            var options = options
            options.seed &+= UInt64(index)
            return try Continuation(model, from: prompt, lastToken, options: options)
        }
        states = [GenerationState](repeating: prompt, count: count)
        texts = [String](repeating: "", count: count)
        summaries = [GenerationSummary?](repeating: nil, count: count)
        active = Array(0..<count)
        recurrentState = try prompt.recurrentState.rows([Int](repeating: 0, count: count))
        logits = (0..<count).flatMap { _ in prompt.logits }
    }

    var samples: [GeneratedText] {
        zip(texts, summaries).map { GeneratedText(text: $0, summary: $1) }
    }

    mutating func run(on engine: any Engine) throws {
        try engine.restoreState(recurrentState)
        try removeEnded(from: engine)
        while !active.isEmpty {
            try Task.checkCancellation()
            if run.isUsedUp {
                try run.refill(
                    for: active.map { continuations[$0] }, logits: &logits, on: engine, hasStops: hasStops)
            }
            if run.hasTokens {
                try takeChosen()
            } else {
                try choose()
                try engine.advance(tokens, logits: &logits)
            }
            try removeEnded(from: engine)
        }
    }

    /// Goes on with what the engine has chosen for each row.
    private mutating func takeChosen() throws(GenerationError) {
        for (sample, token) in zip(active, run.next()) {
            texts[sample] += try continuations[sample].append(chosen: token)
            states[sample].note(token)
        }
    }

    private mutating func choose() throws(GenerationError) {
        tokens.removeAll(keepingCapacity: true)
        var row: [Float] = []
        row.reserveCapacity(vocabularySize)
        for (index, sample) in active.enumerated() {
            row.removeAll(keepingCapacity: true)
            row += logits[index * vocabularySize..<(index + 1) * vocabularySize]
            let (token, text) = try continuations[sample].next(from: row)
            tokens.append(token)
            states[sample].note(token)
            texts[sample] += text
        }
    }

    private mutating func removeEnded(from engine: any Engine) throws {
        let remaining = active.indices.filter { continuations[active[$0]].stopReason == nil }
        guard remaining.count < active.count else { return }
        try run.settle(logits: &logits, on: engine)
        try engine.copyState(to: &recurrentState)
        for (row, sample) in active.enumerated() {
            guard let stopReason = continuations[sample].stopReason else { continue }
            states[sample].recurrentState = try recurrentState.rows([row])
            states[sample].logits = Array(logits[row * vocabularySize..<(row + 1) * vocabularySize])
            states[sample].decoder = continuations[sample].decoderState
            summaries[sample] = GenerationSummary(
                promptTokenCount: promptTokenCount, tokenCount: continuations[sample].tokenCount,
                stopReason: stopReason, promptDuration: promptDuration,
                duration: start.duration(to: .now), state: states[sample])
        }
        guard !remaining.isEmpty else {
            active = []
            return
        }
        logits = remaining.flatMap { logits[$0 * vocabularySize..<($0 + 1) * vocabularySize] }
        recurrentState = try recurrentState.rows(remaining)
        try engine.restoreState(recurrentState)
        active = remaining.map { active[$0] }
    }
}
