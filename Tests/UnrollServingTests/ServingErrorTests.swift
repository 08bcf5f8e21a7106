#if Serving
import Foundation
import Testing
import UnrollBase
import UnrollGeneration
import UnrollServing

@Suite struct ServingErrorTests {
    @Test(arguments: [
        ServingError.invalidJSON(reason: "it is empty"), .otherMediaType("text/plain"),
        .unknownField("a\nb", suggestion: nil), .unknownField("a", suggestion: "b"), .missingField("a"),
        .invalidField("a", allowed: "at least 1"), .fieldNeeds("a", needed: "'b'"),
        .unsupportedField("a", reason: "why"), .bodyTooLarge(limit: 5), .bodyTooSlow(seconds: 5),
        .unknownPath("/a\n"), .otherMethod("PUT", allowed: ["GET"]), .unknownModel("a\nb", known: ["c"]),
        .unknownState("a\n"), .stateTooLarge(bytes: 5, limit: 4), .invalidKey, .busy(retryAfter: 1),
        .timeout(seconds: 5), .stopping, .failed,
    ])
    func errorsAreOneLineWithoutFlags(error: ServingError) {
        #expect(!error.description.isEmpty && !error.description.contains("\n"))
        #expect(!error.description.contains("--"))
        #expect((400...599).contains(error.status))
    }

    @Test func parametersOfTheLibraryAreFields() throws {
        let errors: [(any Error, String, Int)] = [
            (ParameterError.outOfRange(parameter: "topK", value: "0", allowed: "at least 1"), "top_k", 400),
            (
                ParameterError.outOfRange(parameter: "length", value: "-1", allowed: "at least 0"),
                "max_tokens", 400
            ),
            (ParameterError.needs(parameter: "minP", other: "strategy"), "min_p", 400),
            (ParameterError.excludes(parameter: "topP", other: "topK"), "top_p", 400),
            (GenerationError.emptyPrompt, "prompt", 400),
            (GenerationError.allTokensBanned, "logit_bias", 400),
            (GenerationError.stateOfAnotherModel, "state", 404),
        ]
        for (error, field, status) in errors {
            let known = try #require(ServingError(error))
            #expect(known.field == field && known.status == status, "\(error)")
        }
        // What the client did not cause is not told.
        #expect(ServingError(GenerationError.notANumber) == nil)
    }

    @Test func placesAreGivenInOrder() async throws {
        let places = Places(count: 1, queue: 1)
        try await places.take()
        let waiting = Task { try await places.take() }
        while places.waitingCount == 0 { await Task.yield() }
        await #expect(throws: ServingError.busy(retryAfter: 1)) { try await places.take() }
        // One that waits and is canceled makes room for another.
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(places.waitingCount == 0)
        let next = Task { try await places.take() }
        while places.waitingCount == 0 { await Task.yield() }
        places.putBack()
        try await next.value
        let canceled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await places.take()
        }
        await #expect(throws: CancellationError.self) { try await canceled.value }
        places.putBack()
        try await places.take()
    }
}
#endif
