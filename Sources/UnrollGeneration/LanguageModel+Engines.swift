import Synchronization
import UnrollBase
import UnrollEngine
import UnrollKernels
import UnrollModel

extension LanguageModel {
    /// Lends an engine with these parameters; it is kept while the model lives, so the next use begins at once.
    ///
    /// The state is whatever the user before has left, so a user begins with `restoreState` or `resetState`, and must
    /// not train.
    package func withEngine<Result>(
        precision: Precision, threads: Int?, _ body: (CPUEngine) throws -> Result
    ) throws -> Result {
        try engines(precision: precision).withEngine(threads: threads, body)
    }

    /// The engines of this precision.
    func engines(precision: Precision) -> EnginePool {
        preparations.value { EnginePools() }.pool(of: self, precision: precision)
    }
}

/// Engines of one model: as many as there were tasks that computed at once, kept for the next, all with one copy of the
/// parameters.
final class EnginePool: Sendable {
    /// An engine in the pool is used by nobody, and one that was taken by one task alone.
    fileprivate struct Entry: @unchecked Sendable {
        let engine: CPUEngine
        /// What was asked for.
        let threads: Int?
    }

    private struct Engines {
        var idle: [Entry] = []
        /// The one whose parameters the others share; nobody else has them packed.
        var first: Entry?
    }

    // Not the model itself, which keeps the pool.
    private let configuration: ModelConfiguration
    private let parameters: ModelParameters
    private let precision: Precision
    private let engines = Mutex(Engines())

    init(_ model: LanguageModel, precision: Precision) {
        configuration = model.configuration
        parameters = model.parameters
        self.precision = precision
    }

    /// Lends an engine of so many threads.
    ///
    /// Without a number, the first of them has all processors and those that are needed beside it one thread each: no
    /// bit depends on it.
    @inline(__always)
    func withEngine<Result>(threads: Int?, _ body: (CPUEngine) throws -> Result) throws -> Result {
        let entry = try take(threads: threads)
        defer { putBack(entry) }
        return try body(entry.engine)
    }

    /// Lends an engine until the lease is let go.
    func lease(threads: Int?) throws(GenerationError) -> Lease {
        Lease(try take(threads: threads), of: self)
    }

    /// An engine that one task has for as long as it needs it; its state goes on from one use to the next.
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
        var engine: CPUEngine { entry.engine }
    }

    private func putBack(_ entry: Entry) {
        engines.withLock { $0.idle.append(entry) }
    }

    private func take(threads: Int?) throws(GenerationError) -> Entry {
        let (idle, first) = engines.withLock { engines in
            guard let index = engines.idle.lastIndex(where: { $0.threads == threads }) else {
                return (Entry?.none, engines.first)
            }
            return (engines.idle.remove(at: index), nil)
        }
        if let idle { return idle }
        do throws(EngineError) {
            if let first {
                return Entry(
                    engine: try CPUEngine(sharingParametersOf: first.engine, threads: threads ?? 1),
                    threads: threads)
            }
            let entry = Entry(
                engine: try CPUEngine(
                    configuration: configuration, parameters: parameters, precision: precision,
                    threads: threads), threads: threads)
            engines.withLock { if $0.first == nil { $0.first = entry } }
            return entry
        } catch {
            throw .engine(error)
        }
    }
}

/// The pools of one model.
private final class EnginePools: Sendable {
    private let pools = Mutex<[Precision: EnginePool]>([:])

    func pool(of model: LanguageModel, precision: Precision) -> EnginePool {
        pools.withLock { pools in
            if let pool = pools[precision] { return pool }
            let pool = EnginePool(model, precision: precision)
            pools[precision] = pool
            return pool
        }
    }
}
