#if Serving
import Foundation
import Hummingbird
import HummingbirdTesting
import Testing
import UnrollGeneration
import UnrollModel
import UnrollServing
import UnrollTestSupport
import UnrollText

/// Completions and chats, at once and as streams.
@Suite struct CompletionTests {
    private func choices(_ answer: Answer) throws -> [[String: Any]] { try answer.list("choices") }

    private func text(_ answer: Answer, _ index: Int = 0) throws -> String {
        try #require(choices(answer)[index]["text"] as? String)
    }

    /// The text that the library generates.
    private func expected(
        _ model: LanguageModel, _ prompt: String, _ options: TextGenerationOptions
    ) async throws -> String {
        var text = ""
        for try await piece in model.generate(after: prompt, options: options, threads: 1) {
            text += piece.text
        }
        return text
    }

    @Test(arguments: [TokenKind.characters, .bytes, .subwords])
    func textsAreThoseOfTheLibrary(tokens: TokenKind) async throws {
        let model = try TestServer.model(tokens: tokens)
        let first = try await expected(
            model, "the ferry", .init(length: 20, temperature: 0.7, topK: 5, seed: 3))
        let second = try await expected(
            model, "the ferry", .init(length: 20, temperature: 0.7, topK: 5, seed: 4))
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let answer = try await client.post(
                "/v1/completions",
                #"{"prompt": "the ferry", "max_tokens": 20, "temperature": 0.7, "top_k": 5, "n": 2, "seed": 3}"#
            )
            #expect(answer.status == 200)
            #expect(try text(answer) == first)
            #expect(try text(answer, 1) == second)
            #expect(try choices(answer).allSatisfy { $0["finish_reason"] as? String == "length" })
            let object = try answer.object()
            #expect(object["object"] as? String == "text_completion")
            #expect(object["model"] as? String == "notes")
            let usage = try #require(object["usage"] as? [String: Int])
            let promptCount = model.vocabulary.encode(prompt: "the ferry").ids.count
            #expect(
                usage == [
                    "prompt_tokens": promptCount, "completion_tokens": 40, "total_tokens": promptCount + 40,
                ])
        }
    }

    @Test func streamsHaveTheSameText() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            let fields = #""prompt": ["the ferry", "back"], "max_tokens": 30, "n": 3, "seed": 5"#
            let whole = try await client.post("/v1/completions", "{\(fields)}")
            let stream = try await client.post(
                "/v1/completions",
                "{\(fields), \"stream\": true, \"stream_options\": {\"include_usage\": true}}")
            #expect(stream.response.headers[.contentType] == "text/event-stream")
            var texts = [String](repeating: "", count: 6)
            var reasons = [Int: String]()
            let events = try stream.events()
            for event in events.dropLast() {
                let choice = try #require((event["choices"] as? [[String: Any]])?.first)
                let index = try #require(choice["index"] as? Int)
                texts[index] += choice["text"] as? String ?? ""
                #expect(reasons[index] == nil)
                reasons[index] = choice["finish_reason"] as? String
            }
            #expect(try texts == choices(whole).compactMap { $0["text"] as? String })
            #expect(reasons.count == 6 && reasons.values.allSatisfy { $0 == "length" })
            let usage = try #require(events.last?["usage"] as? [String: Int])
            #expect(try usage == #require(whole.object()["usage"] as? [String: Int]))
            #expect(Set(events.compactMap { $0["id"] as? String }).count == 1)
        }
    }

    @Test func stopStringsEndTheText() async throws {
        let model = try TestServer.model()
        let all = try await expected(model, "the", .init(length: 50, temperature: 1, seed: 9))
        let stop = String(all.dropFirst(10).prefix(2))
        let before = all.components(separatedBy: stop)[0]
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let json = try JSONSerialization.data(withJSONObject: [
                "prompt": "the", "max_tokens": 50, "seed": 9, "stop": [stop],
            ])
            let answer = try await client.post("/v1/completions", String(decoding: json, as: UTF8.self))
            #expect(try text(answer) == before)
            #expect(try choices(answer)[0]["finish_reason"] as? String == "stop")
        }
    }

    @Test func promptsOfTokensAndNone() async throws {
        let model = try TestServer.model()
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let ids = model.vocabulary.encode(prompt: "the").ids.map(String.init).joined(separator: ",")
            let fields = #""max_tokens": 8, "temperature": 0"#
            let words = try await text(client.post("/v1/completions", "{\"prompt\": \"the\", \(fields)}"))
            for prompt in ["[\(ids)]", "[[\(ids)]]", "[\"the\"]"] {
                let answer = try await client.post("/v1/completions", "{\"prompt\": \(prompt), \(fields)}")
                #expect(try text(answer) == words, "\(prompt)")
            }
            let line = try await text(client.post("/v1/completions", "{\"prompt\": \"\\n\", \(fields)}"))
            for prompt in ["{\(fields)}", "{\"prompt\": \"\", \(fields)}", "{\"prompt\": null, \(fields)}"] {
                #expect(try await text(client.post("/v1/completions", prompt)) == line, "\(prompt)")
            }
        }
    }

    @Test func logProbabilitiesAreTold() async throws {
        let model = try TestServer.model()
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let answer = try await client.post(
                "/v1/completions",
                #"{"prompt": "the", "max_tokens": 6, "logprobs": 2, "echo": true, "seed": 1}"#)
            let choice = try choices(answer)[0]
            let text = try #require(choice["text"] as? String)
            let details = try #require(choice["logprobs"] as? [String: Any])
            let tokens = try #require(details["tokens"] as? [String])
            #expect(tokens.joined() == text && text.hasPrefix("the") && tokens.count == 9)
            #expect(details["text_offset"] as? [Int] == Array(0..<9))
            let values = try #require(details["token_logprobs"] as? [Any])
            #expect(values.first is NSNull)
            let top = try #require(details["top_logprobs"] as? [Any])
            #expect(top.count == 9 && top.first is NSNull)
            #expect(top.dropFirst().allSatisfy { ($0 as? [String: Double])?.count == 2 })
            // The score of the same text, after its first token, which the score reads after a line feed.
            var state = try model.read("t", threads: 1)
            for (position, letter) in text.dropFirst().enumerated() {
                let logits = state.logits.map(Double.init)
                let id = try #require(model.vocabulary.id(of: String(letter)))
                let total = logits.reduce(0) { $0 + exp($1) }
                let value = try #require(values[position + 1] as? Double)
                #expect(abs(logits[Int(id)] - log(total) - value) < 1e-4)
                state = try model.read(String(letter), after: state, threads: 1)
            }
            let scored = try await client.post(
                "/v1/completions", #"{"prompt": "the", "max_tokens": 0, "logprobs": 0, "echo": true}"#)
            #expect(try self.text(scored) == "the")
        }
    }

    @Test func theBestSampleIsTheMostProbable() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            let fields = #""prompt": "the", "max_tokens": 12, "seed": 2"#
            let all = try await client.post("/v1/completions", "{\(fields), \"n\": 4, \"logprobs\": 0}")
            let means = try choices(all).map { choice -> Double in
                let details = try #require(choice["logprobs"] as? [String: Any])
                return try #require(details["token_logprobs"] as? [Double]).reduce(0, +)
            }
            let best = try #require(means.indices.max { means[$0] < means[$1] })
            let answer = try await client.post("/v1/completions", "{\(fields), \"best_of\": 4}")
            #expect(try choices(answer).count == 1)
            #expect(try text(answer) == text(all, best))
            #expect(try choices(answer)[0]["logprobs"] is NSNull)
            let usage = try #require(answer.object()["usage"] as? [String: Int])
            #expect(usage["completion_tokens"] == 48)
        }
    }

    @Test func biasesForbidTokens() async throws {
        let model = try TestServer.model()
        let id = try #require(model.vocabulary.id(of: "e"))
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let fields = #""prompt": "the", "max_tokens": 60, "temperature": 0"#
            let forced = try await client.post(
                "/v1/completions", "{\(fields), \"logit_bias\": {\"\(id)\": 100}}")
            #expect(try text(forced) == String(repeating: "e", count: 60))
            // A frequent token loses what it has gained.
            let fair = try await client.post(
                "/v1/completions", "{\(fields), \"logit_bias\": {\"\(id)\": 3}, \"frequency_penalty\": 2}")
            #expect(try Set(text(fair)).count > 1)
            try await client.expectRefusal(
                "/v1/completions", #"{"prompt": "a", "logit_bias": {"a": 1}}"#, field: "logit_bias")
            try await client.expectRefusal(
                "/v1/completions", #"{"prompt": "a", "logit_bias": {"999": 1}}"#, field: "logit_bias")
        }
    }

    @Test func statesAreContinued() async throws {
        try await TestServer.test(TestServer.routes()) { client async throws in
            let state = try await client.post("/v1/state", #"{"input": "the fer"}"#)
            let id = try #require(try state.object()["id"] as? String)
            let fields = #""max_tokens": 20, "seed": 8"#
            let whole = try await client.post("/v1/completions", "{\"prompt\": \"the ferry\", \(fields)}")
            let parts = try await client.post(
                "/v1/completions", "{\"prompt\": \"ry\", \"state\": \"\(id)\", \(fields)}")
            #expect(try text(whole) == text(parts))
            try await client.expectRefusal(
                "/v1/completions", #"{"prompt": "a", "state": "state-0"}"#, status: 404, field: "state")
        }
    }

    @Test func chatsFollowTheTemplate() async throws {
        let text = "user: the ferry\nassistant: over the river\nsystem: x{}<>/\n"
        let model = try LanguageModel.untrained(text: text, hiddenSize: 12)
        let prompt = "system: over\nuser: the ferry\nassistant: "
        let expected = try await expected(
            model, prompt, .init(length: 15, temperature: 1, seed: 6, stopStrings: ["\nuser:"]))
        let messages = """
            "messages": [{"role": "system", "content": "over"}, \
            {"role": "user", "content": [{"type": "text", "text": "the "}, {"type": "text", "text": "ferry"}]}]
            """
        try await TestServer.test(TestServer.routes(["notes": model])) { client async throws in
            let answer = try await client.post(
                "/v1/chat/completions", "{\(messages), \"max_tokens\": 15, \"seed\": 6, \"logprobs\": true}")
            let choice = try choices(answer)[0]
            let message = try #require(choice["message"] as? [String: String])
            #expect(message == ["role": "assistant", "content": expected])
            let content = try #require((choice["logprobs"] as? [String: Any])?["content"] as? [[String: Any]])
            #expect(content.compactMap { $0["token"] as? String }.joined() == expected)
            #expect(
                content.compactMap { $0["bytes"] as? [Int] }.flatMap(\.self) == expected.utf8.map { Int($0) })
            let stream = try await client.post(
                "/v1/chat/completions",
                "{\(messages), \"max_completion_tokens\": 15, \"seed\": 6, \"stream\": true}")
            let deltas = try stream.events().compactMap { event in
                (event["choices"] as? [[String: Any]])?.first?["delta"] as? [String: String]
            }
            #expect(deltas.first == ["role": "assistant", "content": ""])
            #expect(deltas.compactMap { $0["content"] }.joined() == expected)
            try await client.expectRefusal("/v1/chat/completions", #"{"messages": []}"#, field: "messages")
            try await client.expectRefusal(
                "/v1/chat/completions", #"{"messages": [{"role": "robot", "content": "a"}]}"#, field: "role")
        }
    }

    @Test func templatesTellWhereAnswersEnd() throws {
        #expect(ChatTemplate().stop == "\nuser:")
        #expect(try ChatTemplate(message: "<{role}>{content}</{role}>").stop == "</assistant>")
        #expect(throws: (any Error).self) { try ChatTemplate(message: "{content}") }
        #expect(throws: (any Error).self) { try ChatTemplate(message: "{role}: {content}{content}") }
        #expect(throws: (any Error).self) { try ChatTemplate(message: "") }
    }
}
#endif
