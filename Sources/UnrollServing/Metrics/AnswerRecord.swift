#if Serving
import Hummingbird
import Logging
import Synchronization

/// What is logged and counted of one request: once, when its answer is complete or its client is gone.
///
/// No text of a request or of an answer is part of it.
final class AnswerRecord: Sendable {
    /// The status of a request whose client has left, as nginx has it.
    static let departed = 499

    private struct State {
        var isFinished = false
        var model: String?
        var tokenCount: Int?
    }

    private let route: Route
    private let logger: Logger
    let metrics: ServingMetrics
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(_ route: Route, logger: Logger, metrics: ServingMetrics) {
        self.route = route
        self.logger = logger
        self.metrics = metrics
    }

    deinit {
        finish(Self.departed)
    }

    /// The time since the request came.
    var elapsed: Duration { start.duration(to: .now) }

    /// Notes what was done with which model.
    func note(model: String, tokenCount: Int) {
        state.withLock { ($0.model, $0.tokenCount) = (model, tokenCount) }
    }

    /// Logs and counts the answer, the first time.
    func finish(_ status: Int) {
        let noted = state.withLock { state -> State? in
            guard !state.isFinished else { return nil }
            state.isFinished = true
            return state
        }
        guard let noted else { return }
        let elapsed = elapsed
        metrics.answered(route.path, status: status, after: elapsed)
        var metadata: Logger.Metadata = [
            "status": "\(status)", "ms": "\(Int((elapsed / .milliseconds(1)).rounded()))",
        ]
        if let model = noted.model { metadata["model"] = "\(model)" }
        if let count = noted.tokenCount { metadata["tokens"] = "\(count)" }
        logger.info("\(route.method.rawValue) \(route.path)", metadata: metadata)
    }
}
#endif
