#if Serving
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// A server that offers models over HTTP, until it is asked to stop.
///
/// It is a `Service`: in a `ServiceGroup`, a graceful shutdown lets it accept no more connections and finish what it has
/// begun. Only clients of this machine reach it, unless another host is given; then it should have keys, and something before
/// it that speaks TLS.
///
/// ```swift
/// func serve(_ folder: URL) async throws {
///     let models = ServedModels()
///     try models.add(contentsOf: folder)
///     try await ModelServer(ServingRoutes(models), port: 8080).run()
/// }
/// ```
public struct ModelServer: Service {
    private let routes: ServingRoutes
    private let host: String
    private let port: Int
    private let reloads: Bool
    private let logger: Logger
    private let onRunning: @Sendable (Int) async -> Void

    /// Prepares a server.
    ///
    /// - Parameters:
    ///   - routes: The endpoints, with models and limits.
    ///   - host: The name or address to listen at. Default: 127.0.0.1.
    ///   - port: The port, 0 for any that is free. Default: 8080.
    ///   - reloads: Whether models are read again when their folders change. Default: false.
    ///   - logger: Where a line for each request goes. Default: one with the label `unroll.serving`.
    ///   - onRunning: Is called with the port once the server listens. Default: nothing.
    public init(
        _ routes: ServingRoutes, host: String = "127.0.0.1", port: Int = 8080, reloads: Bool = false,
        logger: Logger = Logger(label: "unroll.serving"),
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.routes = routes
        self.host = host
        self.port = port
        self.reloads = reloads
        self.logger = logger
        self.onRunning = onRunning
    }

    /// Whether a name or an address is that of this machine for itself.
    package static func isLocal(_ host: String) -> Bool {
        ["127.0.0.1", "::1", "localhost"].contains(host.lowercased())
    }

    /// The application, for tests and for services beside it.
    package var application: some ApplicationProtocol {
        let router = Router(context: ServingRequestContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: UnknownPaths(state: routes.state))
        if Self.isLocal(host), routes.state.keys == nil {
            router.add(middleware: LocalNames(state: routes.state))
        }
        routes.add(to: router)
        let limits = routes.state.limits
        return Application(
            router: router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionLimits(seconds: limits.idleSeconds)],
                    idleTimeout: .seconds(Int64(limits.idleSeconds)))),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connections, logger: logger)),
            services: reloads ? [ModelReloader(state: routes.state, logger: logger)] : [],
            onServerRunning: { [onRunning, port] channel in
                await onRunning(channel.localAddress?.port ?? port)
            },
            logger: logger)
    }

    /// Serves until the task is canceled or a graceful shutdown begins.
    ///
    /// - Throws: What the system says of an address that cannot be listened at.
    public func run() async throws {
        try await withGracefulShutdownHandler {
            try await application.run()
        } onGracefulShutdown: { [routes] in
            routes.stop()
        }
    }

    /// Serves until `stop` is called on the result's handle by a signal, and for the grace period after it.
    ///
    /// - Returns: A group of this service alone, whose shutdown takes as long as the limits allow.
    public var group: ServiceGroup {
        var configuration = ServiceGroupConfiguration(services: [self], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(routes.state.limits.graceSeconds)
        return ServiceGroup(configuration: configuration)
    }
}

/// Answers in OpenAI's form where there is no endpoint, or none for the method.
private struct UnknownPaths: RouterMiddleware {
    let state: ServerState

    func handle(
        _ request: Request, context: ServingRequestContext,
        next: (Request, ServingRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            let (path, method) = (request.uri.path, request.method)
            let route = Route(method, "unknown", needsKey: false, readsBody: false) { _, _ in
                let methods = Route.methods(at: path).map(\.rawValue).sorted()
                guard methods.isEmpty else {
                    throw ServingError.otherMethod(method.rawValue, allowed: methods)
                }
                throw ServingError.unknownPath(path)
            }
            return await state.answer(request, context, by: route)
        }
    }
}

/// Refuses requests for another name than this machine's own.
///
/// A browser takes a page and a server of one name for one, and a page can make its name lead to this machine (DNS rebinding).
private struct LocalNames: RouterMiddleware {
    let state: ServerState

    func handle(
        _ request: Request, context: ServingRequestContext,
        next: (Request, ServingRequestContext) async throws -> Response
    ) async throws -> Response {
        let authority = request.head.authority ?? "localhost"
        // Without the port; an address with colons is in brackets.
        var name = authority[...]
        if let colon = name.lastIndex(of: ":"), name.last != "]" { name = name[..<colon] }
        if name.first == "[", name.last == "]" { name = name.dropFirst().dropLast() }
        guard !ModelServer.isLocal(String(name)) else { return try await next(request, context) }
        let route = Route(request.method, "unknown", needsKey: false, readsBody: false) { _, _ in
            throw ServingError.foreignName(authority)
        }
        return await state.answer(request, context, by: route)
    }
}

/// Reads models again when their folders change.
private struct ModelReloader: Service {
    /// The time between two looks at the folders.
    private static let period = Duration.seconds(1)

    let state: ServerState
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var stamps: [String: FolderStamp] = [:]
            while (try? await Task.sleep(for: Self.period)) != nil {
                // When too many requests wait for a processor, there is a next time.
                let reload = try? await state.computing.run { [state, stamps] in
                    state.models.reload(after: stamps)
                }
                guard let (outcomes, next) = reload else { continue }
                stamps = next
                if !outcomes.isEmpty { state.states.keepOnly(state.models.all) }
                for (name, error) in outcomes {
                    if let error {
                        logger.error(
                            "a new version of a model cannot be read; the earlier one stays",
                            metadata: ["model": "\(name)", "error": "\(error)"])
                    } else {
                        logger.info("a new version of a model is served", metadata: ["model": "\(name)"])
                    }
                }
            }
        }
    }
}
#endif
