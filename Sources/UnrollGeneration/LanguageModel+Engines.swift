import Synchronization
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollText

extension LanguageModel {
    /// The same model, computed by engines of another kind.
    ///
    /// The default is `EngineMaker.cpu`. The copy has engines of its own and shares none with this one.
    ///
    /// ```swift
    /// let checked = model.computed(by: .reference)
    /// ```
    ///
    /// - Parameter maker: What makes the engines.
    /// - Returns: The model, which generates and scores with those engines.
    public func computed(by maker: EngineMaker) -> LanguageModel {
        using(ModelEngines(maker))
    }

    /// Lends an engine with these parameters; it is kept while the model lives, so the next use begins at once.
    ///
    /// The state is that of the last use, so a use begins with `restoreState` or `resetState`. It must not train.
    package func withEngine<Result>(
        precision: Precision?, threads: Int?, _ body: (any Engine) throws -> Result
    ) throws -> Result {
        try engines(precision: precision).withEngine(threads: threads, body)
    }

    /// Makes an engine that is not shared and may train.
    package func makeEngine(_ settings: EngineSettings) throws -> any Engine {
        try engines.maker.engine(for: self, settings)
    }

    /// The engines of a precision; the model's own if nil.
    func engines(precision: Precision?) -> EnginePool {
        engines.pool(of: self, precision: precision ?? self.precision)
    }

    /// The number format in which the model is computed where none is asked for: int8 if it is quantized, otherwise
    /// float32.
    public var precision: Precision {
        switch weightFormat {
        case .float32: .float32
        case .int8: .int8
        }
    }

    /// The tokens that words are made of.
    var wordParts: WordParts { engines.wordParts(of: vocabulary) }

    private var engines: ModelEngines { cache.value { ModelEngines(.cpu) } }
}

extension EngineMaker {
    /// An engine that predicts as a model does: the network, with the n-gram model beside it if there is one.
    fileprivate func engine(for model: LanguageModel, _ settings: EngineSettings) throws -> any Engine {
        let network = try engine(
            configuration: model.configuration, parameters: model.parameters, settings: settings)
        return network.interpolated(with: model.ngrams)
    }
}

/// What is prepared from one model to use it.
final class ModelEngines: ModelCache {
    let maker: EngineMaker
    private let pools = Mutex<[Precision: EnginePool]>([:])
    private let parts = Mutex<WordParts?>(nil)

    init(_ maker: EngineMaker) {
        self.maker = maker
    }

    func pool(of model: LanguageModel, precision: Precision) -> EnginePool {
        pools.withLock { pools in
            if let pool = pools[precision] { return pool }
            let pool = EnginePool(model, maker: maker, precision: precision)
            pools[precision] = pool
            return pool
        }
    }

    func wordParts(of vocabulary: Vocabulary) -> WordParts {
        parts.withLock { stored in
            if let parts = stored { return parts }
            let parts = WordParts(vocabulary)
            stored = parts
            return parts
        }
    }
}

/// Engines of one model: as many as there were tasks that computed at once, kept for the next, all with one copy of the
/// parameters.
final class EnginePool: Sendable {
    /// An engine; `@unchecked`, as one in the pool is unused, and one that was taken is used by one task.
    fileprivate struct Entry: @unchecked Sendable {
        let engine: any Engine
        /// The number of threads that was asked for.
        let threads: Int?
    }

    private struct Engines {
        var idle: [Entry] = []
        /// The engine whose parameters the others share, so that they are packed once.
        var first: Entry?
    }

    // A copy that does not keep the pool, as the model itself does.
    private let model: LanguageModel
    private let maker: EngineMaker
    private let precision: Precision
    private let engines = Mutex(Engines())

    init(_ model: LanguageModel, maker: EngineMaker, precision: Precision) {
        self.model = model.using(ModelEngines(maker))
        self.maker = maker
        self.precision = precision
    }

    /// Lends an engine of so many threads.
    ///
    /// Without a number, the first engine has all processors and those that are needed beside it have one thread each: no
    /// bit depends on it.
    @inline(__always)
    func withEngine<Result>(threads: Int?, _ body: (any Engine) throws -> Result) throws -> Result {
        let entry = try take(threads: threads)
        defer { putBack(entry) }
        return try body(entry.engine)
    }

    /// Whether engines compute on a device of its own, on which several would be slower than one.
    func usesDevice(threads: Int?) throws -> Bool {
        try withEngine(threads: threads) { $0.description.device != nil }
    }

    /// Lends an engine until the lease is released.
    func lease(threads: Int?) throws -> Lease {
        Lease(try take(threads: threads), of: self)
    }

    /// An engine that one task has for as long as it needs it; its state is kept from one use to the next.
    final class Lease: Sendable {
        private let entry: Entry
        private let pool: EnginePool

        fileprivate init(_ entry: Entry, of pool: EnginePool) {
            self.entry = entry
            self.pool = pool
        }

        deinit {
            pool.putBack(entry)
        }

        /// For the task that holds the lease alone.
        var engine: any Engine { entry.engine }
    }

    private func putBack(_ entry: Entry) {
        engines.withLock { $0.idle.append(entry) }
    }

    private func take(threads: Int?) throws -> Entry {
        let (idle, first) = engines.withLock { engines in
            guard let index = engines.idle.lastIndex(where: { $0.threads == threads }) else {
                return (Entry?.none, engines.first)
            }
            return (engines.idle.remove(at: index), nil)
        }
        if let idle { return idle }
        if let first {
            return Entry(
                engine: try first.engine.sharingParameters(threads: threads ?? 1), threads: threads)
        }
        let engine = try maker.engine(
            for: model, EngineSettings(precision: precision, threads: threads))
        let entry = Entry(engine: engine, threads: threads)
        engines.withLock { if $0.first == nil { $0.first = entry } }
        return entry
    }
}
