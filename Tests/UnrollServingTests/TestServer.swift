#if Serving
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import Testing
import UnrollGeneration
import UnrollModel
import UnrollServing
import UnrollTestSupport
import UnrollText

/// Servers of tiny models, and what tests ask them.
enum TestServer {
    /// A text in which all letters of the prompts occur.
    static let text = String(repeating: "the ferry went over the river, and back again.\n", count: 3)

    /// A model of characters that has not learned anything, which is enough to answer.
    static func model(
        tokens: TokenKind = .characters, hiddenSize: Int = 12, seed: UInt64 = 1
    ) throws -> LanguageModel {
        try .untrained(text: text, tokens: tokens, hiddenSize: hiddenSize, seed: seed)
    }

    /// Endpoints for one model called `notes`, or for others.
    static func routes(
        _ models: [String: LanguageModel]? = nil, batchSize: Int = 4, keys: [String]? = nil,
        chatTemplate: ChatTemplate = ChatTemplate(), _ change: (inout ServingLimits) -> Void = { _ in }
    ) throws -> ServingRoutes {
        var options = ServingOptions()
        options.limits.batchSize = batchSize
        change(&options.limits)
        options.keys = try keys.map { try APIKeys($0) }
        options.chatTemplate = chatTemplate
        let served = ServedModels(batchSize: batchSize, threads: 1)
        for (name, model) in try (models ?? ["notes": model()]).sorted(by: { $0.key < $1.key }) {
            try served.add(model, named: name)
        }
        return try ServingRoutes(served, options: options)
    }

    /// Runs a test against the endpoints: by the router alone, or over a connection.
    static func test(
        _ routes: ServingRoutes, _ setup: TestingSetup = .router,
        _ body: @escaping @Sendable (any TestClientProtocol) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = ModelServer(routes, port: 0, logger: logger)
        try await server.application.test(setup) { try await body($0) }
    }
}

/// An answer whose body is JSON.
struct Answer {
    let response: TestResponse

    var status: Int { Int(response.status.code) }
    var body: String { String(buffer: response.body) }

    /// The body as an object.
    func object() throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(body.utf8))
        return try #require(object as? [String: Any], "\(body)")
    }

    /// The elements of one of its arrays.
    func list(_ name: String) throws -> [[String: Any]] {
        try #require(object()[name] as? [[String: Any]], "\(body)")
    }

    /// The error that it is.
    func error() throws -> [String: Any] {
        try #require(object()["error"] as? [String: Any], "\(body)")
    }

    /// The events of a stream, without the last, which says that it is done.
    func events() throws -> [[String: Any]] {
        var lines = body.components(separatedBy: "\n\n").filter { !$0.isEmpty }
        #expect(lines.popLast() == "data: [DONE]")
        return try lines.map { line in
            #expect(line.hasPrefix("data: "))
            let object = try JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8))
            return try #require(object as? [String: Any], "\(line)")
        }
    }
}

extension TestClientProtocol {
    /// Asks for something.
    func get(_ path: String, method: HTTPRequest.Method = .get, key: String? = nil) async throws -> Answer {
        var headers = HTTPFields()
        if let key { headers[.authorization] = "Bearer \(key)" }
        return Answer(response: try await execute(uri: path, method: method, headers: headers))
    }

    /// Sends JSON.
    func post(_ path: String, _ json: String, key: String? = nil) async throws -> Answer {
        var headers: HTTPFields = [.contentType: "application/json"]
        if let key { headers[.authorization] = "Bearer \(key)" }
        return Answer(
            response: try await execute(
                uri: path, method: .post, headers: headers, body: ByteBuffer(string: json)))
    }

    /// Sends JSON that must be refused, with an error in OpenAI's form about a field.
    func expectRefusal(
        _ path: String, _ json: String, status: Int = 400, field: String? = nil, saying text: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await post(path, json)
        #expect(answer.status == status, "\(json): \(answer.body)", sourceLocation: sourceLocation)
        let error = try answer.error()
        #expect(error["param"] as? String == field, "\(json): \(answer.body)", sourceLocation: sourceLocation)
        let message = error["message"] as? String ?? ""
        #expect(!message.isEmpty && !message.contains("\n"), sourceLocation: sourceLocation)
        #expect(text.isEmpty || message.contains(text), "\(message)", sourceLocation: sourceLocation)
    }
}
#endif
