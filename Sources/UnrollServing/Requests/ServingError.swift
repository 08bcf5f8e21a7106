#if Serving
import UnrollBase

/// Why a request is not answered, as facts; ``ErrorBody`` is what the client reads.
package enum ServingError: UnrollError, Equatable {
    // MARK: What the client wrote

    /// The body is not JSON, or not an object.
    case invalidJSON(reason: String)
    /// The body is not declared to be JSON.
    case otherMediaType(String)
    /// The endpoint has no such field.
    case unknownField(String, suggestion: String?)
    /// The endpoint needs this field.
    case missingField(String)
    /// The field's value is not one of those allowed; `allowed` continues "must be".
    case invalidField(String, allowed: String)
    /// The field has an effect only beside another one; `needed` continues "needs".
    case fieldNeeds(String, needed: String)
    /// The field is part of OpenAI's interface and has no meaning for these models.
    case unsupportedField(String, reason: String)
    /// The body has more bytes than are accepted.
    case bodyTooLarge(limit: Int)
    /// The body did not arrive in time.
    case bodyTooSlow(seconds: Int)

    // MARK: What it asked for

    /// There is nothing at the path.
    case unknownPath(String)
    /// The path knows other methods only.
    case otherMethod(String, allowed: [String])
    /// No model has this name.
    case unknownModel(String, known: [String])
    /// No state has this identifier, or it is one of another model, or of an earlier version of the model.
    case unknownState(String)
    /// The state has more bytes than all states may have.
    case stateTooLarge(bytes: Int, limit: Int)
    /// The request has no key, or not one of the server's.
    case invalidKey
    /// The request is for another name than this machine's, of a server without keys that is for this machine alone.
    case foreignName(String)

    // MARK: What the server cannot do now

    /// As much is being done as is allowed; the client may ask again after these seconds.
    case busy(retryAfter: Int)
    /// The answer was not complete in time.
    case timeout(seconds: Int)
    /// The server stops.
    case stopping
    /// Something failed that the client can do nothing about; the log says what.
    case failed

    /// One line that says what is wrong and what to do.
    package var description: String {
        switch self {
        case .invalidJSON(let reason): "the body is not a JSON object (\(reason)); send one"
        case .otherMediaType(let type):
            "the body is declared as \(type.debugDescription); send JSON with 'Content-Type: application/json'"
        case .unknownField(let name, let suggestion):
            "the field '\(EscapedText.line(name))' is not known here"
                + (suggestion.map { "; did you mean '\($0)'?" } ?? "; leave it out")
        case .missingField(let name): "the field '\(name)' is missing; add it"
        case .invalidField(let name, let allowed): "the field '\(name)' must be \(allowed)"
        case .fieldNeeds(let name, let needed): "the field '\(name)' needs \(needed)"
        case .unsupportedField(let name, let reason): "the field '\(name)' is not supported: \(reason)"
        case .bodyTooLarge(let limit): "the body is larger than \(limit) bytes; send less"
        case .bodyTooSlow(let seconds): "the body did not arrive within \(seconds) s; send it again"
        case .unknownPath(let path): "there is nothing at \(EscapedText.line(path)); see /openapi.json"
        case .otherMethod(let method, let allowed):
            "\(method) is not possible here; use \(allowed.joined(separator: " or "))"
        case .unknownModel(let name, let known):
            "there is no model \(name.debugDescription); there \(known.count == 1 ? "is" : "are") \(known.joined(separator: ", "))"
        case .unknownState(let id):
            "there is no state \(id.debugDescription) of this model; read the text again with POST /v1/state"
        case .stateTooLarge(let bytes, let limit):
            "the state has \(bytes) bytes, and the server keeps \(limit) of all states; read the text with each request"
        case .invalidKey: "the API key is missing or wrong; send 'Authorization: Bearer KEY'"
        case .foreignName(let name):
            "the request is for \(name.debugDescription), and the server is for localhost alone; start it with API keys, or ask for localhost"
        case .busy(let seconds): "the server is busy; try again in \(seconds) s"
        case .timeout(let seconds): "the answer was not complete within \(seconds) s; ask for less"
        case .stopping: "the server is stopping; try again later"
        case .failed: "the server failed to answer; its log says why"
        }
    }
}

extension ServingError {
    /// The field that is wrong, if that is the cause.
    package var field: String? {
        switch self {
        case .unknownField(let name, _), .missingField(let name), .invalidField(let name, _),
            .fieldNeeds(let name, _), .unsupportedField(let name, _):
            name
        case .unknownModel: "model"
        case .unknownState: "state"
        default: nil
        }
    }

    /// What is wrong, for programs.
    var code: String? {
        switch self {
        case .invalidJSON: "invalid_json"
        case .unknownField: "unknown_field"
        case .missingField: "missing_field"
        case .invalidField: "invalid_value"
        case .fieldNeeds: "missing_field"
        case .unsupportedField: "unsupported_field"
        case .otherMediaType: "unsupported_media_type"
        case .bodyTooLarge: "body_too_large"
        case .bodyTooSlow, .timeout: "timeout"
        case .unknownPath: "path_not_found"
        case .otherMethod: "method_not_allowed"
        case .unknownModel: "model_not_found"
        case .unknownState: "state_not_found"
        case .stateTooLarge: "state_too_large"
        case .invalidKey: "invalid_api_key"
        case .foreignName: "host_not_allowed"
        case .busy: "busy"
        case .stopping: "stopping"
        case .failed: nil
        }
    }

    /// The number that stands for it in HTTP (RFC 9110).
    package var status: Int {
        switch self {
        case .invalidJSON, .unknownField, .missingField, .invalidField, .fieldNeeds, .unsupportedField: 400
        case .invalidKey: 401
        case .foreignName: 403
        case .unknownPath, .unknownModel, .unknownState: 404
        case .otherMethod: 405
        case .bodyTooSlow, .timeout: 408
        case .bodyTooLarge, .stateTooLarge: 413
        case .otherMediaType: 415
        case .busy: 429
        case .stopping: 503
        case .failed: 500
        }
    }

    /// OpenAI's name for the kind of error.
    var kind: String {
        switch self {
        case .invalidKey: "authentication_error"
        case .foreignName: "permission_error"
        case .busy: "rate_limit_error"
        case .failed, .stopping, .timeout: "server_error"
        default: "invalid_request_error"
        }
    }
}

/// An error as OpenAI's clients read it.
struct ErrorBody: Encodable {
    struct Details: Encodable {
        let message: String
        let type: String
        let param: Nullable<String>
        let code: Nullable<String>
    }

    let error: Details

    init(_ error: ServingError) {
        self.error = Details(
            message: error.description, type: error.kind, param: Nullable(error.field),
            code: Nullable(error.code))
    }
}
#endif
