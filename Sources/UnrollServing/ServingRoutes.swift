#if Serving
import CoreMetrics
import Hummingbird
import Synchronization
import UnrollBase

/// What a server offers, and to whom.
public struct ServingOptions: Sendable {
    /// What the server does at most.
    public var limits = ServingLimits()
    /// The keys of which every request under `/v1` needs one.
    ///
    /// Default: nil, no key is asked for.
    public var keys: APIKeys?
    /// How the messages of a chat become a prompt.
    ///
    /// Default: a line for each message, `role: content`.
    public var chatTemplate = ChatTemplate()

    /// Creates the default options.
    public init() {}
}

/// The endpoints of a server, to be added to the router of an application.
///
/// ```swift
/// func makeApplication(offering folder: URL) throws -> some ApplicationProtocol {
///     let models = ServedModels()
///     try models.add(contentsOf: folder)
///     let router = Router(context: ServingRequestContext.self)
///     router.get("/hello") { _, _ in "Hello" }
///     try ServingRoutes(models).add(to: router.group("/language"))
///     return Application(router: router)
/// }
/// ```
///
/// ``ModelServer`` is a whole server with these endpoints, which also has limits for connections.
public struct ServingRoutes: Sendable {
    let state: ServerState

    /// Prepares to answer requests.
    ///
    /// - Parameters:
    ///   - models: The models; more may be added later.
    ///   - options: Limits and keys.
    ///   - metrics: Where the server reports its work, and what `/metrics` shows. Default: a collection of its own.
    /// - Throws: `ParameterError` for a limit that is out of range.
    public init(
        _ models: ServedModels, options: ServingOptions = ServingOptions(),
        metrics: PrometheusMetrics = PrometheusMetrics()
    ) throws(ParameterError) {
        try options.limits.check()
        state = ServerState(models, options, metrics)
    }

    /// Adds the endpoints to a router, or to a group of one.
    ///
    /// They answer with an error of OpenAI's form whatever goes wrong, and do not throw. What has no endpoint is the
    /// application's to answer.
    public func add<Context: RequestContext>(to router: some RouterMethods<Context>) {
        let state = state
        for route in Route.all {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                await state.answer(request, context, by: route)
            }
        }
    }

    /// All endpoints, by method and path, as `/openapi.json` describes them.
    package static var endpoints: [(method: String, path: String)] {
        Route.all.map { ($0.method.rawValue, $0.path) }
    }

    /// Lets `/ready` say that the server stops.
    public func stop() {
        state.isStopping.store(true, ordering: .relaxed)
    }
}

/// An endpoint.
struct Route: Sendable {
    typealias Answer = @Sendable (ServerState, ClientRequest) async throws -> Response

    let method: HTTPRequest.Method
    /// As a router has it, with `{name}` for a part that varies.
    let path: String
    let needsKey: Bool
    let readsBody: Bool
    let answer: Answer

    init(
        _ method: HTTPRequest.Method, _ path: String, needsKey: Bool = true, readsBody: Bool? = nil,
        answer: @escaping Answer
    ) {
        self.method = method
        self.path = path
        self.needsKey = needsKey
        self.readsBody = readsBody ?? (method == .post)
        self.answer = answer
    }

    /// The methods by which a path is known; none if there is nothing at it.
    static func methods(at path: String) -> [HTTPRequest.Method] {
        let parts = path.split(separator: "/")
        return all.filter { route in
            let pattern = route.path.split(separator: "/")
            return pattern.count == parts.count
                && zip(pattern, parts).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
        }.map(\.method)
    }

    /// All endpoints.
    static let all: [Route] = [
        Route(.get, "/v1/models") { server, _ in try server.listModels() },
        Route(.get, "/v1/models/{id}") { server, request in try server.describeModel(request) },
        Route(.post, "/v1/completions") { server, request in try await server.complete(request) },
        Route(.post, "/v1/chat/completions") { server, request in try await server.chat(request) },
        Route(.post, "/v1/embeddings") { server, request in try await server.embed(request) },
        Route(.post, "/v1/score") { server, request in try await server.score(request) },
        Route(.post, "/v1/complete") { server, request in try await server.completeWord(request) },
        Route(.post, "/v1/inspect") { server, request in try await server.inspect(request) },
        Route(.post, "/v1/state") { server, request in try await server.readState(request) },
        Route(.get, "/v1/state/{id}") { server, request in try server.describeState(request) },
        Route(.delete, "/v1/state/{id}") { server, request in try server.removeState(request) },
        Route(.get, "/health", needsKey: false) { _, _ in try .json(ServerStatus.running) },
        Route(.get, "/ready", needsKey: false) { server, _ in try server.readiness() },
        Route(.get, "/metrics", needsKey: false) { server, _ in server.currentMetrics() },
        Route(.get, "/openapi.json", needsKey: false) { server, _ in
            .text(try APIDescription.json(server.limits), type: "application/json")
        },
        Route(.get, "/", needsKey: false) { _, _ in .page },
    ]
}
#endif
