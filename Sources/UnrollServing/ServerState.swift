#if Serving
import Foundation
import Hummingbird
import Logging
import NIOCore
import Synchronization
import UnrollBase

/// What the requests to a server share.
final class ServerState: Sendable {
    let models: ServedModels
    let limits: ServingLimits
    let keys: APIKeys?
    let chatTemplate: ChatTemplate
    let states: StateStore
    let computing: Computing
    let texts: TextBudget
    let deadlines = Deadlines()
    let metrics: ServingMetrics
    let prometheus: PrometheusMetrics
    let isStopping = Atomic<Bool>(false)

    init(_ models: ServedModels, _ options: ServingOptions, _ metrics: PrometheusMetrics) {
        self.models = models
        limits = options.limits
        keys = options.keys
        chatTemplate = options.chatTemplate
        states = StateStore(limit: limits.stateBytes)
        computing = Computing(queue: limits.queue)
        texts = TextBudget(limit: limits.batchSize + limits.queue)
        prometheus = metrics
        self.metrics = ServingMetrics(metrics)
    }

    /// Answers a request, with an error's form if need be.
    func answer(_ request: Request, _ context: some RequestContext, by route: Route) async -> Response {
        let record = AnswerRecord(route, logger: context.logger, metrics: metrics)
        do {
            if route.needsKey { try checkKey(of: request) }
            let body = route.readsBody ? try await body(of: request) : Data()
            let response = try await route.answer(
                self,
                ClientRequest(
                    body: body, parameters: context.parameters,
                    channel: (context as? any ConnectionRequestContext)?.channel, limits: limits,
                    deadlines: deadlines, record: record))
            // A stream is recorded when it ends.
            if response.body.contentLength != nil { record.finish(Int(response.status.code)) }
            return response
        } catch {
            return failure(error, record, context.logger)
        }
    }

    /// The answer to a request that failed.
    func failure(_ error: any Error, _ record: AnswerRecord, _ logger: Logger) -> Response {
        let known: ServingError
        switch error {
        case is CancellationError:
            guard isStopping.load(ordering: .relaxed) else {
                // There is no client to read it.
                record.finish(AnswerRecord.departed)
                return Response(status: .init(code: AnswerRecord.departed))
            }
            known = .stopping
        default:
            known = ServingError(error) ?? .failed
            if known == .failed { logger.error("a request failed", metadata: ["error": "\(error)"]) }
        }
        record.finish(known.status)
        return .error(known)
    }

    private func checkKey(of request: Request) throws(ServingError) {
        guard let keys else { return }
        let value = request.headers[.authorization] ?? ""
        let scheme = "bearer "
        guard value.lowercased().hasPrefix(scheme), keys.contains(value.dropFirst(scheme.count)) else {
            throw .invalidKey
        }
    }

    /// Reads the body of a request, within the limits of its size and of the time.
    ///
    /// Only JSON is accepted, also because a web page cannot send it to another server without asking first.
    private func body(of request: Request) async throws -> Data {
        let type = request.headers[.contentType] ?? ""
        guard type.prefix(while: { $0 != ";" }).lowercased() == "application/json" else {
            throw ServingError.otherMediaType(type)
        }
        let (limit, seconds) = (limits.bodyBytes, limits.idleSeconds)
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw ServingError.bodyTooLarge(limit: limit)
        }
        let body = request.body
        let work = ClientWork(
            on: nil, within: seconds, or: .bodyTooSlow(seconds: seconds), among: deadlines)
        do {
            return try await work.run { Data(try await body.collect(upTo: limit).readableBytesView) }
        } catch is NIOTooManyBytesError {
            throw ServingError.bodyTooLarge(limit: limit)
        }
    }
}

/// A request as an endpoint sees it.
struct ClientRequest: Sendable {
    let body: Data
    let parameters: Parameters
    let channel: (any Channel)?
    let limits: ServingLimits
    let deadlines: Deadlines
    let record: AnswerRecord

    /// The part of the path that varies.
    var id: String {
        let id = parameters.get("id") ?? ""
        return id.removingPercentEncoding ?? id
    }

    /// The body as a request.
    ///
    /// - Throws: `ServingError`.
    func decoded<Fields: ServingRequest>(_ type: Fields.Type = Fields.self) throws -> Fields {
        try Fields(json: body, limits: limits)
    }

    /// Begins to watch the client.
    func work() -> ClientWork {
        ClientWork(
            on: channel, within: limits.answerSeconds, or: .timeout(seconds: limits.answerSeconds),
            among: deadlines)
    }
}
#endif
