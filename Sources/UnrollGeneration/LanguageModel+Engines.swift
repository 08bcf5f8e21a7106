import Synchronization
import UnrollEngine
import UnrollKernels
import UnrollModel
import UnrollStorage

extension LanguageModel {
    /// Lends an engine with these parameters; it is kept while the model lives, so the next use begins at once.
    ///
    /// The state is whatever the user before has left, so a user begins with `restoreState` or `resetState`, and must
    /// not train.
    package func withEngine<Result>(
        precision: Precision, threads: Int?, _ body: (CPUEngine) throws -> Result
    ) throws -> Result {
        try engines(precision: precision, threads: threads).withEngine(body)
    }

    /// The engines that compute in this way.
    func engines(precision: Precision, threads: Int?) -> EnginePool {
        preparations.value { EnginePools() }.pool(of: self, precision: precision, threads: threads)
    }
}

/// Engines of one model: as many as there were tasks that computed at once, kept for the next.
final class EnginePool: Sendable {
    /// An engine in the pool is used by nobody, and one that was taken by one task alone.
    private struct Idle: @unchecked Sendable {
        let engine: CPUEngine
    }

    private let configuration: ModelConfiguration
    private let parameters: Parameters
    private let precision: Precision
    private let threads: Int?
    private let engines = Mutex<(idle: [Idle], count: Int)>(([], 0))

    init(_ model: LanguageModel, precision: Precision, threads: Int?) {
        configuration = model.configuration
        parameters = model.parameters
        self.precision = precision
        self.threads = threads
    }

    /// Lends an engine.
    func withEngine<Result>(_ body: (CPUEngine) throws -> Result) throws -> Result {
        let engine = try take()
        defer { putBack(engine) }
        return try body(engine)
    }

    private func take() throws(GenerationError) -> CPUEngine {
        let (idle, isOnly) = engines.withLock { engines in
            if let idle = engines.idle.popLast() { return (idle as Idle?, false) }
            engines.count += 1
            return (nil, engines.count == 1)
        }
        if let idle { return idle.engine }
        do throws(EngineError) {
            // The first has all processors; what others do beside it needs no more. No bit depends on it.
            return try CPUEngine(
                configuration: configuration, parameters: parameters, precision: precision,
                threads: threads ?? (isOnly ? nil : 1))
        } catch {
            engines.withLock { $0.count -= 1 }
            throw .engine(error)
        }
    }

    private func putBack(_ engine: CPUEngine) {
        let idle = Idle(engine: engine)
        engines.withLock { $0.idle.append(idle) }
    }
}

/// The pools of one model, by how their engines compute.
private final class EnginePools: Sendable {
    private struct Kind: Hashable {
        let precision: Precision
        let threads: Int?
    }

    private let pools = Mutex<[Kind: EnginePool]>([:])

    func pool(of model: LanguageModel, precision: Precision, threads: Int?) -> EnginePool {
        pools.withLock { pools in
            let kind = Kind(precision: precision, threads: threads)
            if let pool = pools[kind] { return pool }
            let pool = EnginePool(model, precision: precision, threads: threads)
            pools[kind] = pool
            return pool
        }
    }
}
