import Synchronization
import UnrollEngine
import UnrollKernels
import UnrollStorage

extension LanguageModel {
    /// Lends an engine with these parameters; it is kept while the model lives, so the next use begins at once.
    ///
    /// Tasks that compute at once get an engine each. The first has all processors if no number of threads is given,
    /// the others one thread each: no bit depends on it. The state is whatever the user before has left, so a user
    /// begins with `restoreState` or `resetState`, and must not train.
    package func withEngine<Result>(
        precision: Precision, threads: Int?, _ body: (CPUEngine) throws -> Result
    ) throws -> Result {
        let pool = preparations.value { EnginePool() }
        let kind = EnginePool.Kind(precision: precision, threads: threads)
        let engine = try pool.take(kind) { isOnly in
            try CPUEngine(
                configuration: configuration, parameters: parameters, precision: precision,
                threads: threads ?? (isOnly ? nil : 1))
        }
        defer { pool.putBack(engine, kind) }
        return try body(engine)
    }
}

/// The engines of one model that nobody uses at the moment.
private final class EnginePool: Sendable {
    struct Kind: Hashable {
        let precision: Precision
        let threads: Int?
    }

    /// An engine in the pool is used by nobody, and one that was taken by one task alone.
    private struct Entry: @unchecked Sendable {
        let engine: CPUEngine
    }

    private struct Engines {
        var idle: [Entry] = []
        var count = 0
    }

    private let engines = Mutex<[Kind: Engines]>([:])

    /// An engine of that kind, made if all are in use; `make` is told whether it is the first.
    func take(_ kind: Kind, make: (_ isOnly: Bool) throws -> CPUEngine) throws -> CPUEngine {
        let (idle, isOnly) = engines.withLock { engines in
            if let entry = engines[kind, default: Engines()].idle.popLast() {
                return (entry as Entry?, false)
            }
            engines[kind, default: Engines()].count += 1
            return (nil, engines[kind]?.count == 1)
        }
        if let idle { return idle.engine }
        do {
            return try make(isOnly)
        } catch {
            engines.withLock { $0[kind]?.count -= 1 }
            throw error
        }
    }

    func putBack(_ engine: CPUEngine, _ kind: Kind) {
        let entry = Entry(engine: engine)
        engines.withLock { $0[kind]?.idle.append(entry) }
    }
}
