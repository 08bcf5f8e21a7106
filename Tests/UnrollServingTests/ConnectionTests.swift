#if Serving
import Foundation
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing
import UnrollGeneration
import UnrollModel
import UnrollServing
import UnrollTestSupport

/// Whole servers: connections, new versions of models, and the end.
@Suite(.serialized) struct ConnectionTests {
    private static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    /// Runs a server until the test is done, then stops it.
    private func withServer(
        _ routes: ServingRoutes, reloads: Bool = false,
        _ body:
            @escaping @Sendable (_ port: Int, _ stop: @escaping @Sendable () async -> Void) async throws ->
            Void
    ) async throws {
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let server = ModelServer(routes, port: 0, reloads: reloads, logger: Self.logger) {
            continuation.yield($0)
        }
        let group = server.group
        let running = Task { try await group.run() }
        let port = try #require(await ports.first { _ in true })
        do {
            try await body(port) { await group.triggerGracefulShutdown() }
        } catch {
            running.cancel()
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    private func withClient<Result>(
        _ port: Int, _ body: (TestClient) async throws -> Result
    ) async throws -> Result {
        let client = TestClient(
            host: "127.0.0.1", port: port, configuration: .init(timeout: .seconds(60)),
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton))
        client.connect()
        let result: Result
        do {
            result = try await body(client)
        } catch {
            try? await client.shutdown()
            throw error
        }
        try await client.shutdown()
        return result
    }

    private func completion(_ client: TestClient, _ json: String) async throws -> TestClient.Response {
        try await client.post(
            "/v1/completions", headers: [.contentType: "application/json"], body: ByteBuffer(string: json))
    }

    private func body(_ response: TestClient.Response) -> String {
        response.body.map { String(buffer: $0) } ?? ""
    }

    /// Waits until metrics have a line.
    private func waitForMetric(_ line: String, _ port: Int) async throws -> Bool {
        for _ in 0..<400 {
            let text = try await withClient(port) { body(try await $0.get("/metrics")) }
            if text.contains(line + "\n") { return true }
            try await Task.sleep(for: .milliseconds(25))
        }
        return false
    }

    @Test func severalRequestsShareAConnection() async throws {
        try await withServer(TestServer.routes()) { port, _ async throws in
            try await self.withClient(port) { client async throws in
                var texts: Set<String> = []
                for stream in [false, true, false, true] {
                    let response = try await self.completion(
                        client,
                        "{\"prompt\": \"the\", \"max_tokens\": 20, \"seed\": 1, \"stream\": \(stream)}")
                    #expect(response.status == .ok)
                    if !stream { texts.insert(self.text(of: self.body(response))) }
                }
                #expect(texts.count == 1)
            }
        }
    }

    private func text(of body: String) -> String {
        let object = try? JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any]
        return (object?["choices"] as? [[String: Any]])?.first?["text"] as? String ?? ""
    }

    private func fingerprint(_ client: TestClient) async throws -> String {
        let response = try await completion(client, #"{"prompt": "the", "max_tokens": 1}"#)
        let object = try JSONSerialization.jsonObject(with: Data(body(response).utf8)) as? [String: Any]
        return try #require(object?["system_fingerprint"] as? String)
    }

    @Test(arguments: [true, false])
    func clientsThatLeaveEndTheirWork(stream: Bool) async throws {
        let routes = try TestServer.routes { $0.maxTokens = 1_000_000 }
        try await withServer(routes) { port, _ async throws in
            try await self.withClient(port) { client async throws in
                try await client.executeAndDontWaitForResponse(
                    .init(
                        "/v1/completions", method: .post, headers: [.contentType: "application/json"],
                        body: ByteBuffer(
                            string: "{\"prompt\": \"the\", \"max_tokens\": 1000000, \"stream\": \(stream)}")))
                #expect(try await self.waitForMetric(#"unroll_texts_running{model="notes"} 1"#, port))
            }
            #expect(try await self.waitForMetric(#"unroll_texts_running{model="notes"} 0"#, port))
            #expect(
                try await self.waitForMetric(
                    #"unroll_requests_total{route="/v1/completions",status="499"} 1"#, port))
        }
    }

    @Test func stoppingFinishesWhatHasBegun() async throws {
        let routes = try TestServer.routes { $0.maxTokens = 1_000_000 }
        try await withServer(routes) { port, stop async throws in
            async let answer = self.withClient(port) { client async throws in
                try await self.completion(client, #"{"prompt": "the", "max_tokens": 50000, "seed": 1}"#)
            }
            #expect(try await self.waitForMetric(#"unroll_texts_running{model="notes"} 1"#, port))
            await stop()
            let response = try await answer
            #expect(response.status == .ok)
            #expect(self.text(of: self.body(response)).count == 50000)
        }
    }

    @Test func theGracePeriodEndsWhatTakesTooLong() async throws {
        let routes = try TestServer.routes {
            $0.maxTokens = 1_000_000
            $0.graceSeconds = 1
        }
        let start = ContinuousClock.now
        try await withServer(routes) { port, stop async throws in
            async let answer = self.withClient(port) { client async throws in
                try await self.completion(client, #"{"prompt": "the", "max_tokens": 1000000}"#)
            }
            #expect(try await self.waitForMetric(#"unroll_texts_running{model="notes"} 1"#, port))
            await stop()
            // The connection may be closed before the answer that says so is written.
            if let response = try? await answer { #expect(response.status == .serviceUnavailable) }
        }
        #expect(start.duration(to: .now) < .seconds(30))
    }

    @Test func newVersionsTakeThePlaceOfEarlierOnes() async throws {
        let folder = try TemporaryFolder()
        let url = folder("notes")
        try TestServer.model().save(to: url)
        let models = ServedModels(batchSize: 4, threads: 1)
        try models.add(contentsOf: url)
        try await withServer(ServingRoutes(models), reloads: true) { port, _ async throws in
            try await self.withClient(port) { client async throws in
                let first = try await self.fingerprint(client)
                let read = try await client.post(
                    "/v1/state", headers: [.contentType: "application/json"],
                    body: ByteBuffer(string: #"{"input": "the"}"#))
                #expect(read.status == .ok)
                try TestServer.model(seed: 2).save(to: url)
                let second = try await self.waitForChange(client, from: first)
                #expect(second != first)
                // States are of the version that has read them.
                #expect(try await self.waitForMetric("unroll_states 0", port))
                // A damaged one is refused, and the next one is not.
                let parameters = url.appendingPathComponent("model.safetensors")
                let data = try Data(contentsOf: parameters)
                try data.dropLast(100).write(to: parameters)
                try await Task.sleep(for: .seconds(3))
                #expect(try await self.fingerprint(client) == second)
                #expect(models.names == ["notes"])
                try data.write(to: parameters)
                try TestServer.model(seed: 3).save(to: url)
                let third = try await self.waitForChange(client, from: second)
                #expect(third != second && third != first)
            }
        }
    }

    private func waitForChange(_ client: TestClient, from earlier: String) async throws -> String {
        for _ in 0..<300 {
            let now = try await fingerprint(client)
            if now != earlier { return now }
            try await Task.sleep(for: .milliseconds(50))
        }
        return earlier
    }

    @Test func idleAndSlowConnectionsAreClosed() async throws {
        let routes = try TestServer.routes { $0.idleSeconds = 1 }
        try await withServer(routes) { port, _ async throws in
            for bytes in ["", "POST /v1/score HTTP/1.1\r\nHost: a\r\n"] {
                let start = ContinuousClock.now
                let answer = try await Self.answer(to: bytes, port)
                #expect(answer.isEmpty)
                #expect(start.duration(to: .now) < .seconds(20))
            }
            // The head has come, and the body does not.
            let answer = try await Self.answer(
                to:
                    "POST /v1/score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
                port)
            #expect(answer.hasPrefix("HTTP/1.1 408") || answer.isEmpty, "\(answer)")
        }
    }

    /// The status of a request for the server by another name.
    private static func status(_ name: String, _ port: Int) async throws -> String {
        let answer = try await answer(
            to: "GET /v1/models HTTP/1.1\r\nHost: \(name)\r\nConnection: close\r\n\r\n", port)
        return String(answer.prefix(12).suffix(3))
    }

    @Test func requestsForAnotherNameNeedAKey() async throws {
        try await withServer(TestServer.routes()) { port, _ async throws in
            for name in ["localhost", "LocalHost:\(port)", "127.0.0.1:\(port)", "[::1]:\(port)", "[::1]"] {
                #expect(try await Self.status(name, port) == "200", "\(name)")
            }
            for name in [
                "example.org", "example.org:\(port)", "localhost.example.org", "127.0.0.1.example.org",
            ] {
                #expect(try await Self.status(name, port) == "403", "\(name)")
            }
        }
        try await withServer(TestServer.routes(keys: ["secret"])) { port, _ async throws in
            #expect(try await Self.status("example.org", port) == "401")
        }
    }

    /// Sends bytes and waits until the server closes the connection.
    private static func answer(to bytes: String, _ port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            if !bytes.isEmpty { try await outbound.write(ByteBuffer(string: bytes)) }
            var answer = ""
            for try await buffer in inbound { answer += String(buffer: buffer) }
            return answer
        }
    }
}
#endif
