#if Serving
import Foundation
import Hummingbird
import HummingbirdTesting
import Testing
import UnrollEngine
import UnrollGeneration
import UnrollModel
import UnrollServing
import UnrollText

/// Endpoints that do not generate.
@Suite struct EndpointTests {
    @Test func modelsAreListed() async throws {
        let routes = try TestServer.routes([
            "notes": TestServer.model(), "bytes": TestServer.model(tokens: .bytes),
        ])
        try await TestServer.test(routes) { client async throws in
            let models = try await client.get("/v1/models").list("data")
            #expect(Set(models.compactMap { $0["id"] as? String }) == ["notes", "bytes"])
            let answer = try await client.get("/v1/models/bytes")
            let facts = try #require(try answer.object()["unroll"] as? [String: Any])
            #expect(facts["tokens"] as? String == "bytes")
            #expect(facts["description"] as? String == "tanh, 1 layer of 12 units")
            let missing = try await client.get("/v1/models/other")
            #expect(missing.status == 404)
            #expect(try missing.error()["code"] as? String == "model_not_found")
        }
    }

    @Test func scoresAreThoseOfTheLibrary() async throws {
        let model = try TestServer.model()
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let text = "the ferry\nwent"
            let score = try model.score(text, threads: 1)
            let data = try await client.post("/v1/score", #"{"input": ["the ferry\nwent", "x"]}"#).list(
                "data")
            #expect(data.count == 2)
            #expect(abs((data[0]["nats"] as? Double ?? 0) - score.nats) < 1e-9)
            let tokens = try #require(data[0]["tokens"] as? [[String: Any]])
            #expect(tokens.compactMap { $0["text"] as? String }.joined() == text)
            #expect(tokens.compactMap { $0["offset"] as? Int } == score.tokens.map(\.start))
            let surprisals = tokens.compactMap { $0["surprisal"] as? Double }
            #expect(zip(surprisals, score.tokens).allSatisfy { abs($0 - Double($1.surprisal)) < 1e-6 })
            let lines = try await client.post(
                "/v1/score", #"{"input": "the ferry\nwent\n", "lines": true}"#
            ).list("data")
            #expect(lines.compactMap { $0["line"] as? Int } == [1, 2])
            let expected = try model.scoreLines(["the ferry", "went"], threads: 1)
            #expect(
                zip(lines, expected).allSatisfy { abs(($0["nats"] as? Double ?? 0) - $1.nats) < 1e-9 })
        }
    }

    @Test func embeddingsAreMeansOfOutputs() async throws {
        let model = try TestServer.model()
        // Read token by token with the reference engine, which shares no code with the vectors.
        let reference = model.computed(by: .reference)
        var (state, sums) = (try reference.read("\n"), [Double](repeating: 0, count: 12))
        for letter in "the" {
            state = try reference.read(String(letter), after: state)
            for (unit, value) in (state.recurrentState.tensors["h"]?.values ?? []).enumerated() {
                sums[unit] += Double(value)
            }
        }
        let means = sums.map { $0 / 3 }
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let answer = try await client.post("/v1/embeddings", #"{"input": "the"}"#)
            let vector = try #require(try answer.list("data")[0]["embedding"] as? [Double])
            #expect(vector.count == 12 && zip(vector, means).allSatisfy { abs($0 - $1) < 1e-5 })
            let usage = try #require(try answer.object()["usage"] as? [String: Any])
            #expect(usage["prompt_tokens"] as? Int == 3)
            let encoded = try await client.post(
                "/v1/embeddings", #"{"input": ["the"], "encoding_format": "base64"}"#)
            let text = try #require(try encoded.list("data")[0]["embedding"] as? String)
            let bytes = [UInt8](try #require(Data(base64Encoded: text)))
            let numbers = stride(from: 0, to: bytes.count, by: 4).map { first in
                Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[first + $1]) << UInt32(8 * $1) })
            }
            #expect(numbers.map(Double.init).count == 12)
            #expect(zip(numbers, vector).allSatisfy { abs(Double($0) - $1) < 1e-6 })
            let ids = model.vocabulary.encode(prompt: "the").ids.map(String.init).joined(separator: ",")
            let tokens = try await client.post("/v1/embeddings", "{\"input\": [\(ids)]}")
            #expect(try tokens.list("data")[0]["embedding"] as? [Double] == vector)
            try await client.expectRefusal("/v1/embeddings", #"{"input": ""}"#, field: "input")
            try await client.expectRefusal("/v1/embeddings", #"{"input": [99999]}"#, field: "input")
            try await client.expectRefusal("/v1/embeddings", "{}", field: "input", saying: "missing")
        }
    }

    @Test func wordsAreCompletedAsByTheLibrary() async throws {
        let model = try TestServer.model()
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let words = try await client.post("/v1/complete", #"{"input": "the fer", "count": 3}"#).list(
                "data")
            let expected = try model.complete("the fer", count: 3, threads: 1)
            #expect(words.compactMap { $0["text"] as? String } == expected.map(\.text))
            #expect(words.count == 3)
            // Nothing is the beginning of a line.
            let first = try await client.post("/v1/complete", #"{"input": ""}"#)
            #expect(try await client.post("/v1/complete", #"{"input": "\n"}"#).body == first.body)
            try await client.expectRefusal(
                "/v1/complete", #"{"input": "a", "count": 101}"#, field: "count", saying: "1...100")
        }
    }

    @Test func statesAreKeptAndContinued() async throws {
        let model = try TestServer.model()
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let answer = try await client.post("/v1/state", #"{"input": "the fer"}"#)
            let id = try #require(try answer.object()["id"] as? String)
            #expect(try answer.object()["tokens"] as? Int == 7)
            let described = try await client.get("/v1/state/\(id)")
            #expect(try described.object()["bytes"] as? Int == answer.object()["bytes"] as? Int)
            let words = try await client.post("/v1/complete", "{\"input\": \"r\", \"state\": \"\(id)\"}")
            let whole = try await client.post("/v1/complete", #"{"input": "the ferr"}"#)
            #expect(words.body == whole.body)
            let next = try await client.post("/v1/state", "{\"input\": \"ry\", \"state\": \"\(id)\"}")
            #expect(try next.object()["tokens"] as? Int == 9)
            let removed = try await client.get("/v1/state/\(id)", method: .delete)
            #expect(removed.status == 200)
            let gone = try await client.get("/v1/state/\(id)")
            #expect(gone.status == 404)
            #expect(try gone.error()["code"] as? String == "state_not_found")
            try await client.expectRefusal(
                "/v1/complete", "{\"input\": \"r\", \"state\": \"\(id)\"}", status: 404, field: "state")
        }
    }

    @Test func statesUsedLongestAgoAreDropped() async throws {
        let bytes = try await stateBytes()
        let routes = try TestServer.routes { $0.stateBytes = 2 * bytes }
        try await TestServer.test(routes) { client async throws in
            var ids: [String] = []
            for _ in 0..<2 {
                let answer = try await client.post("/v1/state", #"{"input": "the fer"}"#)
                ids.append(try #require(try answer.object()["id"] as? String))
            }
            // The first is used again, so the second goes.
            #expect(try await client.get("/v1/state/\(ids[0])").status == 200)
            #expect(try await client.post("/v1/state", #"{"input": "the fer"}"#).status == 200)
            #expect(try await client.get("/v1/state/\(ids[0])").status == 200)
            #expect(try await client.get("/v1/state/\(ids[1])").status == 404)
        }
        let tiny = try TestServer.routes { $0.stateBytes = bytes - 1 }
        try await TestServer.test(tiny) { client async throws in
            try await client.expectRefusal("/v1/state", #"{"input": "the fer"}"#, status: 413)
        }
    }

    private func stateBytes() async throws -> Int {
        let model = try TestServer.model()
        return try model.read("the fer", threads: 1).byteCount
    }

    @Test func inspectionsTellWhatWasExpected() async throws {
        let model = try TestServer.model()
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let answer = try await client.post("/v1/inspect", #"{"input": "the ferry", "alternatives": 4}"#)
            let tokens = try answer.list("tokens")
            #expect(tokens.compactMap { $0["text"] as? String }.joined() == "the ferry")
            for token in tokens {
                let alternatives = try #require(token["alternatives"] as? [[String: Any]])
                let probabilities = alternatives.compactMap { $0["probability"] as? Double }
                #expect(probabilities.count == 4 && probabilities == probabilities.sorted(by: >))
            }
            let units = try answer.list("units")
            #expect(!units.isEmpty)
            #expect(units.allSatisfy { ($0["activations"] as? [Double])?.count == 9 })
            try await client.expectRefusal("/v1/inspect", #"{"input": ""}"#, field: "input")
            let long = String(repeating: "a", count: 4001)
            try await client.expectRefusal("/v1/inspect", "{\"input\": \"\(long)\"}", field: "input")
        }
    }

    @Test func statusIsTold() async throws {
        let routes = try TestServer.routes()
        try await TestServer.test(routes) { client async throws in
            #expect(try await client.get("/health").body == #"{"status":"ok"}"#)
            #expect(try await client.get("/ready").status == 200)
            routes.stop()
            #expect(try await client.get("/ready").status == 503)
            #expect(try await client.get("/health").status == 200)
        }
    }

    @Test func metricsCountRequestsAndTokens() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            _ = try await client.post("/v1/score", #"{"input": "the"}"#)
            _ = try await client.post("/v1/completions", #"{"prompt": "the", "max_tokens": 5}"#)
            _ = try await client.post("/v1/score", #"{"inputs": "the"}"#)
            let text = try await client.get("/metrics").body
            for line in [
                #"unroll_requests_total{route="/v1/score",status="200"} 1"#,
                #"unroll_requests_total{route="/v1/score",status="400"} 1"#,
                #"unroll_read_tokens_total{model="notes"} 3"#,
                #"unroll_prompt_tokens_total{model="notes"} 3"#,
                #"unroll_generated_tokens_total{model="notes"} 5"#,
                #"unroll_first_token_seconds_count{model="notes"} 1"#,
                #"unroll_texts_running{model="notes"} 0"#,
                "# TYPE unroll_request_seconds histogram",
            ] {
                #expect(text.contains(line + "\n"), "\(line)\n\(text)")
            }
        }
    }

    @Test func thePageLoadsNothing() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            let answer = try await client.get("/")
            #expect(answer.status == 200)
            #expect(answer.body.lowercased().hasPrefix("<!doctype html>"))
            for place in answer.body.matches(of: #/(?:src|href)="([^"]*)"/#) {
                #expect(place.1.hasPrefix("data:") || place.1.hasPrefix("#"), "\(place.1)")
            }
            let policy = #"http-equiv="Content-Security-Policy" content="default-src 'none'"#
            #expect(answer.body.contains(policy))
            #expect(answer.response.headers[.contentSecurityPolicy] == "frame-ancestors 'none'")
            #expect(try await client.get("/", method: .head).body.isEmpty)
        }
    }

    @Test func theDescriptionHasEveryEndpointAndTheLimits() async throws {
        let routes = try TestServer.routes { ($0.maxTokens, $0.textsPerRequest) = (77, 5) }
        try await TestServer.test(routes) { client async throws in
            let answer = try await client.get("/openapi.json")
            let document = try answer.object()
            #expect(answer.body.contains(#""maximum":77"#) && !answer.body.contains(#""maximum":4096"#))
            try await client.expectRefusal(
                "/v1/completions", #"{"prompt": "a", "max_tokens": 78}"#, field: "max_tokens",
                saying: "0...77")
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            let described = Set(paths.flatMap { path, methods in methods.keys.map { "\($0) \(path)" } })
            #expect(described == Set(ServingRoutes.endpoints.map { "\($0.method.lowercased()) \($0.path)" }))
        }
    }
}
#endif
