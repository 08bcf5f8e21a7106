#if Serving
import Foundation
import Hummingbird
import HummingbirdTesting
import NIOCore
import Testing
import UnrollModel
import UnrollServing
import UnrollTestSupport

func makeApplication(offering folder: URL) throws -> some ApplicationProtocol {
    let models = ServedModels()
    try models.add(contentsOf: folder)
    let router = Router(context: ServingRequestContext.self)
    router.get("/hello") { _, _ in "Hello" }
    try ServingRoutes(models).add(to: router.group("/language"))
    return Application(router: router)
}

func serve(_ folder: URL) async throws {
    let models = ServedModels()
    try models.add(contentsOf: folder)
    try await ModelServer(ServingRoutes(models), port: 8080).run()
}

/// Endpoints in an application of another kind.
@Suite struct MountingTests {
    @Test func routesBesideOthers() async throws {
        let folder = try TemporaryFolder()
        try TestServer.model().save(to: folder("notes"))
        try await makeApplication(offering: folder("notes")).test(.router) { client async throws in
            #expect(try await client.get("/hello").body == "Hello")
            let answer = try await client.post("/language/v1/completions", #"{"prompt": "the"}"#)
            #expect(answer.status == 200)
            // The application's own paths stay its own.
            #expect(try await client.get("/nothing").status == 404)
        }
    }

    /// A context that knows nothing of connections.
    @Test func contextsNeedNotKnowTheConnection() async throws {
        let router = Router()
        try TestServer.routes().add(to: router)
        try await Application(router: router).test(.live) { client async throws in
            let answer = try await client.post("/v1/completions", #"{"prompt": "the", "stream": true}"#)
            #expect(try !answer.events().isEmpty)
        }
    }
}
#endif
