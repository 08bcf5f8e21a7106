#if Serving
import Foundation
import Hummingbird
import HummingbirdTesting
import Testing
import UnrollServing

/// Requests that are wrong, or too much.
@Suite struct MisuseTests {
    @Test(arguments: [
        (#"{"prompt": "a", "max_tokens": -1}"#, "max_tokens", "0...4096"),
        (#"{"prompt": "a", "max_tokens": 4097}"#, "max_tokens", "0...4096"),
        (#"{"prompt": "a", "max_tokens": "5"}"#, "max_tokens", "whole number"),
        (#"{"prompt": "a", "max_tokens": 1.5}"#, "max_tokens", "whole number"),
        (#"{"prompt": "a", "max_tokens": 99999999999999999999}"#, "max_tokens", "whole number"),
        (#"{"prompt": "a", "temperature": -0.1}"#, "temperature", "0...100"),
        (#"{"prompt": "a", "temperature": 1e999}"#, "temperature", ""),
        (#"{"prompt": "a", "top_p": 0}"#, "top_p", "above 0"),
        (#"{"prompt": "a", "top_p": 1.1}"#, "top_p", "0...1"),
        (#"{"prompt": "a", "top_k": 0}"#, "top_k", "1..."),
        (#"{"prompt": "a", "min_p": 2}"#, "min_p", "0...1"),
        (#"{"prompt": "a", "n": 0}"#, "n", "1...128"),
        (#"{"prompt": ["a", "b"], "n": 65}"#, "prompt", "128"),
        (#"{"prompt": "a", "n": 2, "best_of": 1}"#, "best_of", "at least 'n'"),
        (#"{"prompt": "a", "best_of": 2, "stream": true}"#, "best_of", "stream"),
        (#"{"prompt": "a", "logprobs": 21}"#, "logprobs", "0...20"),
        (#"{"prompt": "a", "logprobs": true}"#, "logprobs", "whole number"),
        (#"{"prompt": "a", "echo": 1}"#, "echo", "true or false"),
        (#"{"prompt": "a", "stop": [""]}"#, "stop", "not empty"),
        (#"{"prompt": "a", "stop": 5}"#, "stop", "16 strings"),
        (#"{"prompt": "a", "seed": 1.5}"#, "seed", "whole number"),
        (#"{"prompt": "a", "presence_penalty": 3}"#, "presence_penalty", "-2...2"),
        (#"{"prompt": "a", "frequency_penalty": -3}"#, "frequency_penalty", "-2...2"),
        (#"{"prompt": "a", "repetition_penalty": 0}"#, "repetition_penalty", "0.01...100"),
        (#"{"prompt": "a", "suffix": "b"}"#, "suffix", "left to right"),
        (#"{"prompt": "a", "maxtokens": 5}"#, "maxtokens", "did you mean 'max_tokens'?"),
        (#"{"prompt": "a", "tools": []}"#, "tools", "not known"),
        (#"{"prompt": "a", "stream_options": {"include_usage": true}}"#, "stream_options", "'stream'"),
        (#"{"prompt": "a", "stream": true, "stream_options": {"x": true}}"#, "x", "not known"),
        (#"{"prompt": []}"#, "prompt", "1 to 128"),
        (#"{"prompt": [5000]}"#, "prompt", "token ids"),
        (#"{"prompt": [-1]}"#, "prompt", "token ids"),
        (#"{"prompt": [1, "a"]}"#, "prompt", "array"),
        (#"{"prompt": {"a": 1}}"#, "prompt", "array"),
        (#"{"prompt": [[]], "state": 5}"#, "state", "string"),
    ])
    func fieldsAreNamed(json: String, field: String, text: String) async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            try await client.expectRefusal("/v1/completions", json, field: field, saying: text)
        }
    }

    @Test(arguments: ["", "{", "[]", "5", "null", "{\"a\":", "\u{FEFF}{", "{}{}"])
    func otherBodiesAreRefused(json: String) async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            try await client.expectRefusal("/v1/completions", json, saying: "JSON")
        }
    }

    @Test func deepAndInvalidTextIsRefused() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            let deep = String(repeating: "[", count: 100_000)
            try await client.expectRefusal("/v1/completions", deep, saying: "JSON")
            let response = try await client.execute(
                uri: "/v1/completions", method: .post, headers: [.contentType: "application/json"],
                body: ByteBuffer(bytes: Array("{\"prompt\": \"".utf8) + [0xFF, 0xC0] + Array("\"}".utf8)))
            #expect(response.status == .badRequest)
        }
    }

    @Test func modelsMustBeNamedWhereThereAreSeveral() async throws {
        let routes = try TestServer.routes(["a": TestServer.model(), "b": TestServer.model(seed: 2)])
        try await TestServer.test(routes) { client async throws in
            try await client.expectRefusal("/v1/score", #"{"input": "a"}"#, field: "model", saying: "missing")
            try await client.expectRefusal(
                "/v1/score", #"{"input": "a", "model": "c"}"#, status: 404, field: "model", saying: "a, b")
            #expect(try await client.post("/v1/score", #"{"input": "a", "model": "b"}"#).status == 200)
            // A state is one model's.
            let answer = try await client.post("/v1/state", #"{"input": "a", "model": "a"}"#)
            let id = try #require(try answer.object()["id"] as? String)
            try await client.expectRefusal(
                "/v1/complete", "{\"input\": \"t\", \"model\": \"b\", \"state\": \"\(id)\"}", status: 404,
                field: "state")
        }
    }

    @Test func pathsAndMethodsAreChecked() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            let missing = try await client.get("/v2/models")
            #expect(missing.status == 404)
            #expect(try missing.error()["code"] as? String == "path_not_found")
            let posted = try await client.post("/nothing", "{}")
            #expect(posted.status == 404)
            let other = try await client.get("/v1/completions")
            #expect(other.status == 405)
            #expect(other.response.headers[.allow] == "POST")
            #expect(try other.error()["code"] as? String == "method_not_allowed")
            for method in [
                HTTPRequest.Method.head, .put, .patch, .delete, .options, .trace,
                try #require(HTTPRequest.Method("QUERY")),
            ] {
                let refused = try await client.get("/v1/score", method: method)
                #expect(refused.status == 405, "\(method)")
            }
            let state = try await client.post("/v1/state/x", "{}")
            #expect(state.status == 405)
            #expect(state.response.headers[.allow] == "DELETE, GET")
        }
    }

    @Test(arguments: [nil, "text/plain", "application/x-www-form-urlencoded"])
    func bodiesMustBeDeclaredAsJSON(type: String?) async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            var headers = HTTPFields()
            headers[.contentType] = type
            let response = try await client.execute(
                uri: "/v1/score", method: .post, headers: headers,
                body: ByteBuffer(string: #"{"input": "a"}"#))
            #expect(response.status == .unsupportedMediaType)
        }
    }

    @Test func keysAreAskedFor() async throws {
        let routes = try TestServer.routes(keys: ["first-key", " second "])
        try await TestServer.test(routes) { client async throws in
            for key in [nil, "", "first-kez", "first-key2", "first-ke", "second "] {
                let answer = try await client.get("/v1/models", key: key)
                // White space at the end of a header is no part of it.
                #expect(answer.status == (key == "second " ? 200 : 401), "\(key ?? "none")")
            }
            let refused = try await client.post("/v1/score", #"{"input": "a"}"#)
            #expect(refused.status == 401)
            #expect(try refused.error()["code"] as? String == "invalid_api_key")
            #expect(refused.response.headers[.wwwAuthenticate] == "Bearer")
            for key in ["first-key", "second"] {
                #expect(try await client.get("/v1/models", key: key).status == 200)
            }
            for path in ["/health", "/ready", "/metrics", "/", "/openapi.json"] {
                #expect(try await client.get(path).status == 200)
            }
        }
        #expect(throws: (any Error).self) { try APIKeys([" "]) }
        #expect(throws: (any Error).self) { try APIKeys(["käse"]) }
    }

    @Test func largeBodiesAreRefused() async throws {
        let routes = try TestServer.routes { $0.bodyBytes = 1024 }
        try await TestServer.test(routes, .live) { client async throws in
            let large = String(repeating: "a", count: 2000)
            try await client.expectRefusal(
                "/v1/score", "{\"input\": \"\(large)\"}", status: 413, saying: "1024 bytes")
        }
    }

    @Test func requestsBeyondTheQueueAreRefused() async throws {
        let routes = try TestServer.routes(batchSize: 1) { $0.queue = 1 }
        try await TestServer.test(routes) { client async throws in
            // Two at a time: the third is one too many, and none is lost.
            let statuses = try await withThrowingTaskGroup(of: Answer.self) { group in
                for seed in 0..<12 {
                    group.addTask {
                        try await client.post(
                            "/v1/completions",
                            "{\"prompt\": \"the\", \"max_tokens\": 4000, \"seed\": \(seed)}")
                    }
                }
                return try await group.reduce(into: [Int]()) { statuses, answer in
                    statuses.append(answer.status)
                    if answer.status == 429 { #expect(answer.response.headers[.retryAfter] == "1") }
                }
            }
            #expect(Set(statuses).isSubset(of: [200, 429]))
            #expect(statuses.contains(200) && statuses.contains(429))
            // Then there is room again.
            #expect(try await client.post("/v1/completions", #"{"prompt": "the"}"#).status == 200)
        }
    }

    @Test func answersHaveToCompleteInTime() async throws {
        let routes = try TestServer.routes {
            $0.answerSeconds = 1
            $0.maxTokens = 1_000_000
        }
        try await TestServer.test(routes) { client async throws in
            let fields = #""prompt": "the", "max_tokens": 1000000"#
            try await client.expectRefusal("/v1/completions", "{\(fields)}", status: 408, saying: "1 s")
            let stream = try await client.post("/v1/completions", "{\(fields), \"stream\": true}")
            #expect(stream.status == 200)
            let last = stream.body.components(separatedBy: "\n\n").filter { !$0.isEmpty }.last ?? ""
            #expect(last.hasPrefix("data: {\"error\"") && last.contains("timeout"), "\(last)")
        }
    }

    @Test func limitsHaveRanges() throws {
        for change: (inout ServingLimits) -> Void in [
            { $0.bodyBytes = 0 }, { $0.maxTokens = 0 }, { $0.textsPerRequest = 0 }, { $0.batchSize = 0 },
            { $0.queue = -1 }, { $0.stateBytes = -1 }, { $0.connections = 0 }, { $0.idleSeconds = 0 },
            { $0.answerSeconds = 0 }, { $0.graceSeconds = -1 },
        ] {
            var limits = ServingLimits()
            change(&limits)
            #expect(throws: (any Error).self) { try limits.check() }
        }
        try ServingLimits().check()
    }
}
#endif
