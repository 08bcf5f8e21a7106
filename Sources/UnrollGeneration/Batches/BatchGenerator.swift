import Synchronization
import UnrollBase
import UnrollKernels
import UnrollModel

/// Continues many texts of one model together, each after its own prompt and with its own options.
///
/// Texts join and leave between two tokens (continuous batching; Yu et al.: "Orca: a distributed serving system for
/// transformer-based generative models", 2022), so none waits for another to end. What comes out depends on the request
/// alone: the same seed gives the same text, bit for bit, whatever is generated beside it. (On a GPU, where other kernels may
/// compute other numbers of texts, it does so except where rounding decides between two tokens.) A long prompt is read a token at a
/// time like everything else.
///
/// ```swift
/// let generator = try BatchGenerator(model)
/// for try await piece in try generator.generate(GenerationRequest(.text("Dear "))) {
///     print(piece.text, terminator: "")
/// }
/// ```
public final class BatchGenerator: Sendable {
    /// The model.
    public let model: LanguageModel
    /// Texts that are generated at the same time; others wait.
    public let width: Int

    private let precision: Precision?
    private let schedule: Mutex<Schedule>

    /// Which texts are where.
    private struct Schedule {
        struct Part {
            /// Texts that have not joined yet.
            var joining: [BatchRow] = []
            /// All texts, these included.
            var count = 0
            var isRunning = false
        }

        var parts: [Part]
        let partWidth: Int
        /// Texts for which there is no room, the first one first.
        var waiting: [BatchRow] = []
    }

    /// Prepares to generate.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - width: Texts that are generated at the same time, in 1...4096. Default: 64.
    ///   - precision: The number format of matrix-multiplication operands. Default: the model's own.
    ///   - threads: Parts into which the texts are divided, each with an engine of one thread; on a GPU it is one. Default: as
    ///     many as there are processors.
    /// - Throws: `ParameterError` for a number that is out of range; what the machine lacks, such as `KernelError`.
    public init(
        _ model: LanguageModel, width: Int = 64, precision: Precision? = nil, threads: Int? = nil
    ) throws {
        try ParameterError.require((1...4096).contains(width), "width", is: width, but: "in 1...4096")
        if let threads {
            try ParameterError.require(threads >= 1, "threads", is: threads, but: "at least 1")
        }
        self.model = model
        self.width = width
        self.precision = precision
        let usesDevice = try model.engines(precision: precision).usesDevice(threads: 1)
        let partCount = usesDevice ? 1 : min(threads ?? WorkerPool.processorCount, width)
        schedule = Mutex(
            Schedule(
                parts: [Schedule.Part](repeating: .init(), count: partCount),
                partWidth: (width + partCount - 1) / partCount))
    }

    /// Texts that are being generated, and those that wait for room.
    public var textCounts: (running: Int, waiting: Int) {
        schedule.withLock { schedule in
            (schedule.parts.reduce(0) { $0 + $1.count }, schedule.waiting.count)
        }
    }

    /// Begins to generate a text, beside those that are there already.
    ///
    /// - Parameter request: The prompt, how much to generate, and how.
    /// - Returns: The text as it comes.
    /// - Throws: `ParameterError` for an option that is out of range; `GenerationError` for an empty prompt, a state of
    ///   another model, or banned tokens; `EngineError.tokenOutOfRange` for an id that the vocabulary lacks.
    public func generate(_ request: GenerationRequest) throws -> BatchedText {
        try request.check(for: model, precision: precision)
        var text = try BatchRow(request, for: model)
        if text.hasEnded {
            text.finish(text.state.recurrentState, logits: text.state.logits)
        } else {
            add(text)
        }
        return BatchedText(text.feed)
    }

    /// Gives a text to the part with the fewest, unless all are full.
    private func add(_ text: BatchRow) {
        let starting: Int? = schedule.withLock { schedule in
            let least =
                schedule.parts.indices.min { schedule.parts[$0].count < schedule.parts[$1].count } ?? 0
            guard schedule.parts[least].count < schedule.partWidth else {
                schedule.waiting.append(text)
                return nil
            }
            schedule.parts[least].joining.append(text)
            schedule.parts[least].count += 1
            defer { schedule.parts[least].isRunning = true }
            return schedule.parts[least].isRunning ? nil : least
        }
        if let starting { Task.detached { await self.run(starting) } }
    }

    /// Counts the texts that have left a part, and fills their places.
    ///
    /// - Returns: Texts that join; nil when there is none in this part, which then stops.
    private func texts(joining part: Int, leaving: Int) -> [BatchRow]? {
        schedule.withLock { schedule in
            schedule.parts[part].count -= leaving
            let room = min(schedule.partWidth - schedule.parts[part].count, schedule.waiting.count)
            schedule.parts[part].joining += schedule.waiting.prefix(room)
            schedule.parts[part].count += room
            schedule.waiting.removeFirst(room)
            guard schedule.parts[part].count > 0 else {
                schedule.parts[part].isRunning = false
                return nil
            }
            defer { schedule.parts[part].joining = [] }
            return schedule.parts[part].joining
        }
    }

    /// Advances the texts of a part until there are none.
    private func run(_ index: Int) async {
        var part = BatchPart(model, model.engines(precision: precision))
        var turn = TaskTurn(length: .milliseconds(1))
        var leaving = 0
        while let joining = texts(joining: index, leaving: leaving) {
            leaving = part.step(joining: joining)
            if turn.isOver() { await Task.yield() }
        }
    }
}
