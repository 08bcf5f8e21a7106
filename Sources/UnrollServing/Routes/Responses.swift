#if Serving
import Foundation
import Hummingbird
import Synchronization
import UnrollBase

extension Response {
    /// A value as JSON.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        .text(try JSONEncoder.unroll.encode(value), type: "application/json", status: status)
    }

    /// A text that is there already.
    static func text(
        _ bytes: some Sequence<UInt8>, type: String, status: HTTPResponse.Status = .ok
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .xContentTypeOptions: "nosniff"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// An error in OpenAI's form.
    static func error(_ error: ServingError) -> Response {
        let status = HTTPResponse.Status(code: error.status)
        // Texts and numbers can always be encoded.
        var response = (try? json(ErrorBody(error), status: status)) ?? Response(status: status)
        switch error {
        case .busy(let seconds): response.headers[.retryAfter] = "\(seconds)"
        case .otherMethod(_, let allowed): response.headers[.allow] = allowed.joined(separator: ", ")
        case .invalidKey: response.headers[.wwwAuthenticate] = "Bearer"
        // What is left of the body is not worth reading.
        case .bodyTooLarge, .bodyTooSlow: response.headers[.connection] = "close"
        default: break
        }
        return response
    }

    /// The page, whose own policy lets it load nothing and talk to this server only.
    static var page: Response {
        var response = text(PackageResources.index_html, type: "text/html; charset=utf-8")
        // The one rule that a page cannot have in itself.
        response.headers[.contentSecurityPolicy] = "frame-ancestors 'none'"
        return response
    }
}

/// The answer of `/health` and `/ready`.
struct ServerStatus: Encodable {
    static let running = ServerStatus(status: "ok")

    let status: String
}

extension ServerState {
    /// Whether the server takes requests.
    func readiness() throws -> Response {
        if isStopping.load(ordering: .relaxed) {
            return try .json(ServerStatus(status: "stopping"), status: .serviceUnavailable)
        }
        if models.names.isEmpty {
            return try .json(ServerStatus(status: "no model"), status: .serviceUnavailable)
        }
        return try .json(ServerStatus.running)
    }

    /// All metrics, with the numbers of this moment.
    func currentMetrics() -> Response {
        metrics.set(models.all, states: states.size)
        return .text(prometheus.text.utf8, type: "text/plain; version=0.0.4; charset=utf-8")
    }
}
#endif
