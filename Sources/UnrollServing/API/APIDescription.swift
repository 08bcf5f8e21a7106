#if Serving
import Foundation
import UnrollBase

/// The description of all endpoints as an OpenAPI document, with one server's limits in it.
enum APIDescription {
    /// The document.
    static func json(_ limits: ServingLimits) throws -> Data {
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(PackageResources.openapi_json))
        let maxima = [
            ("CompletionRequest", "n", limits.textsPerRequest),
            ("CompletionRequest", "best_of", limits.textsPerRequest),
            ("CompletionRequest", "max_tokens", limits.maxTokens),
            ("ChatRequest", "n", limits.textsPerRequest),
            ("ChatRequest", "max_tokens", limits.maxTokens),
            ("ChatRequest", "max_completion_tokens", limits.maxTokens),
        ]
        let limited = maxima.reduce(document) { document, maximum in
            document.replacing(
                ["components", "schemas", maximum.0, "properties", maximum.1, "maximum"],
                by: .whole(UInt64(max(maximum.2, 0))))
        }
        return try JSONEncoder.unroll.encode(limited)
    }
}

extension JSONValue {
    /// This document with another value at the place that these keys lead to.
    fileprivate func replacing(_ keys: some Collection<String>, by value: JSONValue) -> JSONValue {
        guard let key = keys.first else { return value }
        var document = self
        document[key] = (self[key] ?? .object([:])).replacing(Array(keys.dropFirst()), by: value)
        return document
    }
}
#endif
