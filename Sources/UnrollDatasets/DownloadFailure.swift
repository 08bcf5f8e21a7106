import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What stands between this machine and a server.
public enum DownloadFailure: Sendable, Equatable {
    /// The entry's URL is not one.
    case invalidURL(String)
    /// This machine has no network.
    case offline
    /// No machine has that name, or nobody can be asked for it.
    case hostNotFound(String)
    /// The host refuses connections or cannot be reached.
    case cannotConnect(host: String)
    /// Nothing arrived for so many seconds.
    case timedOut(seconds: Int)
    /// The connection ended before the text did.
    case connectionLost(received: Int, total: Int)
    /// Anything else, in the system's words.
    case other(String)
}

extension DownloadFailure {
    /// What the system's error means for a request to `host`.
    init(_ error: any Error, host: String, timeout: Int) {
        switch (error as? URLError)?.code {
        case .notConnectedToInternet?:
            self = .offline
        case .cannotFindHost?, .dnsLookupFailed?:
            self = .hostNotFound(host)
        case .cannotConnectToHost?:
            self = .cannotConnect(host: host)
        case .timedOut?:
            self = .timedOut(seconds: timeout)
        default:
            self = .other(error.localizedDescription)
        }
    }
}

extension DownloadFailure: CustomStringConvertible {
    /// A few words to put into a sentence.
    public var description: String {
        switch self {
        case .invalidURL(let url): "'\(url)' is not a URL"
        case .offline: "this machine is offline"
        case .hostNotFound(let host): "host \(host) not found (offline?)"
        case .cannotConnect(let host): "\(host) refused the connection or cannot be reached"
        case .timedOut(let seconds): "nothing arrived for \(seconds) seconds"
        case .connectionLost(let received, let total):
            "the connection was lost after \(received) of \(total) bytes (the next attempt continues there)"
        case .other(let reason): reason
        }
    }
}
